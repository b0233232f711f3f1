import { columnsOf } from '../src/shell/width.js'

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** As much of a terminal as a line editor uses, written for the tests alone: signs, CR, LF, BEL, and the sequences that move and erase. Throws at anything else. */
export class TestTerminal {
  private rows: string[][] = [[]]
  private row = 0
  private column = 0

  constructor(private readonly columns: number) {}

  write(text: string): void {
    // eslint-disable-next-line no-control-regex
    for (const [token] of text.matchAll(/\x1b\[[0-9;?]*[A-Za-z]|[\r\n\x07]|[^\x1b\r\n\x07]+|\x1b/g)) {
      if (token.startsWith('\x1b')) this.move(token)
      else if (token === '\r') this.column = 0
      else if (token === '\n') this.down()
      else if (token !== '\x07') for (const { segment } of segmenter.segment(token)) this.put(segment)
    }
  }

  /** What stands on it, row by row, without blanks behind. */
  get text(): readonly string[] {
    const rows = this.rows.map((row) => Array.from({ length: row.length }, (_, at) => row[at] ?? ' ').join('').trimEnd())
    while (rows.length > 1 && rows.at(-1) === '') rows.pop()
    return rows
  }

  get cursor(): { readonly row: number; readonly column: number } {
    return { row: this.row, column: this.column }
  }

  private put(sign: string): void {
    const width = columnsOf(sign)
    if (width === 0) {
      const row = this.rows[this.row]!
      row[this.column - 1] = `${row[this.column - 1] ?? ''}${sign}`
      return
    }
    if (this.column + width > this.columns) {
      this.column = 0
      this.down()
    }
    const row = this.rows[this.row]!
    row[this.column] = sign
    for (let at = 1; at < width; at += 1) row[this.column + at] = ''
    this.column += width
  }

  private down(): void {
    this.row += 1
    this.rows[this.row] ??= []
  }

  private move(sequence: string): void {
    const [, count, final] = /^\x1b\[(\d*)([A-Z])$/.exec(sequence) ?? []
    const by = Number(count === '' ? 1 : count)
    if (final === 'A') this.row = Math.max(0, this.row - by)
    else if (final === 'B') for (let at = 0; at < by; at += 1) this.down()
    else if (final === 'C') this.column = Math.min(this.columns - 1, this.column + by)
    else if (final === 'J' && count === '') {
      this.rows.length = this.row + 1
      this.rows[this.row] = this.rows[this.row]!.slice(0, this.column)
    } else throw new Error(`the terminal does not know ${JSON.stringify(sequence)}`)
  }
}
