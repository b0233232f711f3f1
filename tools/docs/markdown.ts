import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'

export const root = path.join(import.meta.dirname, '../..')

export interface Page {
  /** Relative to the root. */
  readonly file: string
  readonly text: string
}

/** The front page and everything below docs/. */
export const pages: readonly Page[] = ['README.md', ...globSync('docs/**/*.md', { cwd: root })].sort()
  .filter((file) => existsSync(path.join(root, file)))
  .map((file) => ({ file, text: readFileSync(path.join(root, file), 'utf8') }))

export const page = (file: string): Page => {
  const found = pages.find((each) => each.file === file)
  if (found === undefined) throw new Error(`there is no page ${file}`)
  return found
}

export interface CodeBlock {
  readonly file: string
  /** Line of the opening fence, from 1. */
  readonly line: number
  readonly language: string
  readonly text: string
}

const fence = /^```([a-z]*)\n([\s\S]*?)^```$/gm

export const codeBlocks = (language: string): readonly CodeBlock[] => pages.flatMap(({ file, text }) =>
  [...text.matchAll(fence)].filter((match) => match[1] === language)
    .map((match) => ({ file, line: text.slice(0, match.index).split('\n').length, language, text: match[2]! })))

/** The text without its code: links and headings are looked for there. */
export const prose = (text: string): string => text.replaceAll(fence, '').replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ' '))

/** Anchors of a page's headings, as GitHub makes them. */
export const anchors = (text: string): ReadonlySet<string> => new Set([...text.replaceAll(fence, '').matchAll(/^#{1,6} (.+)$/gm)]
  .map((match) => match[1]!.trim().toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-')))

/** Rows of a page's tables as cells, without heads and rules. */
export const tableRows = (text: string): readonly (readonly string[])[] => text.replaceAll(fence, '').split('\n')
  .filter((line) => line.startsWith('|') && !/^\|[\s:|-]+\|$/.test(line))
  .map((line) => line.slice(1, line.lastIndexOf('|')).replaceAll('\\|', '\u0000').split('|').map((cell) => cell.replaceAll('\u0000', '|').trim()))
