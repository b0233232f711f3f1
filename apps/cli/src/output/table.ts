import { visible } from './visible.js'

const CELL_COLUMNS_MAX = 60
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

const widthOf = (text: string): number => [...text].reduce((width, character) => width + (/\p{M}/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1), 0)
const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))

/** At most `width` columns on one line; what was cut off is marked. */
const cut = (text: string, width: number): string => {
  if (widthOf(text) <= width) return text
  let kept = ''
  let used = 0
  for (const character of text) {
    used += widthOf(character)
    if (used > width - 1) break
    kept += character
  }
  return `${kept}…`
}

/** Aligned columns under their heads, a line each, ending in a line feed. An empty cell is shown as "-". */
export const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string => {
  const cells = rows.map((row) => heads.map((_, index) => cut(visible((row[index] ?? '').replace(/\s+/g, ' ').trim()), CELL_COLUMNS_MAX) || '-'))
  const widths = heads.map((head, index) => Math.max(widthOf(head), ...cells.map((row) => widthOf(row[index]!))))
  return [heads, ...cells].map((row) => `${row.map((cell, index) => padEnd(cell, widths[index]!)).join('  ').trimEnd()}\n`).join('')
}

/** Names and values, a line each, values aligned; what is undefined is left out. */
export const fields = (pairs: readonly (readonly [name: string, value: string | undefined])[]): string => {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined)
  const width = Math.max(...shown.map(([name]) => widthOf(name)))
  return shown.map(([name, value]) => `${padEnd(name, width)}  ${visible(value)}\n`).join('')
}

/** An ISO time as a person reads it, to the second. */
export const time = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`
