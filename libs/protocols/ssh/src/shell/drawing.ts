import { columnsOf, graphemes, shown } from './width.js'

interface Place {
  readonly row: number
  readonly column: number
}

/** Where the cursor stands behind a text that begins at a place, and the text as it is written. A row that is full has ended. */
const laidOut = (text: string, from: Place, columns: number): { readonly place: Place; readonly drawn: string } => {
  let { row, column } = from
  let drawn = ''
  // Every break is said in so many words, at once: terminals break at different times.
  const nextRow = (): void => {
    drawn += '\r\n'
    row += 1
    column = 0
  }
  for (const sign of graphemes(text)) {
    if (sign === '\n') {
      nextRow()
      continue
    }
    const written = shown(sign)
    // What is shown by its name can be broken anywhere.
    for (const [unit, width] of written === sign ? [[sign, columnsOf(sign)] as const] : [...written].map((each) => [each, 1] as const)) {
      if (column + width > columns) nextRow()
      drawn += unit
      column += width
      if (column === columns) nextRow()
    }
  }
  return { place: { row, column }, drawn }
}

export interface Drawn {
  readonly prompt: string
  readonly before: string
  readonly after: string
}

/**
 * Draws a prompt and a line that is edited on a terminal that is told nothing but where to go, over as many rows as it takes. Knows where it
 * has left the cursor. Answers what to write.
 */
export class Drawing {
  private cursor: Place = { row: 0, column: 0 }
  private last: Drawn | undefined

  constructor(private columns: number) {}

  /** The terminal has another width, and has broken its lines anew: the next drawing is whole. */
  resize(columns: number): void {
    this.columns = columns
    if (this.last !== undefined) this.cursor = laidOut(this.last.prompt + this.last.before, { row: 0, column: 0 }, columns).place
  }

  /** A row that nothing of the line is on: what was drawn stays where it is. */
  begin(): void {
    this.cursor = { row: 0, column: 0 }
    this.last = undefined
  }

  draw(line: Drawn): string {
    const { last, columns } = this
    this.last = line
    // A sign behind the others is what most keys are.
    if (last !== undefined && line.after === '' && last.after === '' && line.prompt === last.prompt && line.before.startsWith(last.before)) {
      const added = line.before.slice(last.before.length)
      if (/^[ -~]+$/.test(added) && this.cursor.column + added.length < columns) {
        this.cursor = { row: this.cursor.row, column: this.cursor.column + added.length }
        return added
      }
    }
    const up = this.cursor.row
    const left = laidOut(line.prompt + line.before, { row: 0, column: 0 }, columns)
    const right = laidOut(line.after, left.place, columns)
    this.cursor = left.place
    const back = right.place.row - left.place.row
    return `${up > 0 ? `\x1b[${up}A` : ''}\r\x1b[J${left.drawn}${right.drawn}${line.after === '' ? '' : `${back > 0 ? `\x1b[${back}A` : ''}\r${left.place.column > 0 ? `\x1b[${left.place.column}C` : ''}`}`
  }

  /** Goes behind the line, and to the next row. */
  leave(): string {
    const { last, columns } = this
    if (last === undefined) return '\r\n'
    const end = laidOut(last.after, this.cursor, columns).place
    const down = end.row - this.cursor.row
    this.begin()
    return `${down > 0 ? `\x1b[${down}B` : ''}${end.column === 0 ? '\r' : '\r\n'}`
  }
}
