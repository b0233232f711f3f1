import { cut, padEnd, visible, widthOf } from './visible.js'

const CELL_COLUMNS_MAX = 32
const TABLE_COLUMNS_MAX = 100
const ROWS_SHOWN = 10

export interface Delivered { readonly columns: readonly string[]; readonly rows: readonly (readonly (string | null)[])[]; readonly truncated: boolean }

/** The delivered rows as a small table. `rowsInAll`: how many there were, where it is known. */
export const renderTable = ({ columns, rows, truncated }: Delivered, rowsInAll: number | undefined): string[] => {
  if (columns.length === 0) return []
  const shown = rows.slice(0, ROWS_SHOWN).map((row) => columns.map((_, index) => cellOf(row[index])))
  const heads = columns.map((column) => cut(visible(column), CELL_COLUMNS_MAX))
  const widths = heads.map((head, index) => Math.max(widthOf(head), ...shown.map((row) => widthOf(row[index]!))))
  const fitting = columnsThatFit(widths)
  const line = (cells: readonly string[]): string => cells.slice(0, fitting).map((cell, index) => padEnd(cell, widths[index]!)).join('  ').trimEnd()
  const notes = [
    ...(fitting < columns.length ? [`${columns.length - fitting} more columns`] : []),
    ...(rowsInAll !== undefined && rowsInAll > shown.length ? [`${rowsInAll - shown.length} more rows`] : rows.length > shown.length ? [`${rows.length - shown.length} more rows`] : []),
    ...(truncated ? ['not all of them were recorded'] : []),
  ]
  return [line(heads), widths.slice(0, fitting).map((width) => '─'.repeat(width)).join('  '), ...shown.map(line), ...(notes.length === 0 ? [] : [`(${notes.join(', ')})`])]
}

const cellOf = (value: string | null | undefined): string => (value === null || value === undefined ? 'NULL' : cut(visible(value), CELL_COLUMNS_MAX))

const columnsThatFit = (widths: readonly number[]): number => {
  let used = 0
  let count = 0
  for (const width of widths) {
    used += width + (count === 0 ? 0 : 2)
    if (used > TABLE_COLUMNS_MAX && count > 0) break
    count += 1
  }
  return count
}
