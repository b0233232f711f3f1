/** How long after a key its echo must come; a line that is longer is not kept. */
const ECHO_MS = 1_000
const LINE_BYTES_MAX = 4 * 1024

const CONTROL_C = 0x03
const NEWLINE = 0x0a
const RETURN = 0x0d
const DELETE = 0x7f

/** ECMA-48 sequences and single controls with which a line editor moves before it writes; not a line feed, behind which something else is written. */
// eslint-disable-next-line no-control-regex
const MOVES = /^(?:\x1b\[[0-?]{0,16}[ -/]{0,4}[@-~]|\x1b\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)|\x1b[ -~]|[\x00-\x09\x0b-\x1a\x1c-\x1f\x7f])+/

const endsLine = (byte: number): boolean => byte === RETURN || byte === NEWLINE || byte === CONTROL_C
const isControl = (byte: number): boolean => byte < 0x20 || byte === DELETE

/**
 * Which lines that were typed the target has shown itself. The terminal's mode is the target's secret, so what is typed is compared with what
 * comes back: each sign must be the first of the output that follows it, within a second. When one is not, the whole line is dropped. So nothing
 * is kept that the recorded output doesn't hold already: what was typed while echo was off is not. Full-screen programs don't show
 * the keys that command them, and what is pressed there is not kept either.
 */
export class EchoedInput {
  /** Typed and not yet seen. */
  private pending: { readonly byte: number; readonly at: number }[] = []
  private line: number[] = []
  /** Something of this line was not shown. */
  private doubted = false

  constructor(private readonly keep: (line: Buffer) => void) {}

  typed(bytes: Uint8Array, nowMs: number): void {
    for (const byte of bytes) {
      if (this.pending.length > 0 && nowMs - this.pending[0]!.at > ECHO_MS) this.doubt()
      if (this.doubted) {
        if (endsLine(byte)) this.begin()
        continue
      }
      this.pending.push({ byte, at: nowMs })
      if (this.pending.length + this.line.length > LINE_BYTES_MAX) this.doubt()
      else this.settle()
    }
  }

  shown(chunk: Uint8Array, nowMs: number): void {
    if (this.pending.length === 0) return
    let rest = Buffer.from(chunk).toString('latin1')
    while (this.pending.length > 0 && rest !== '') {
      const { byte, at } = this.pending[0]!
      if (nowMs - at > ECHO_MS) return this.doubt()
      if (isControl(byte)) {
        this.take()
        rest = this.pending.length === 0 ? '' : rest.replace(MOVES, '')
        continue
      }
      if (rest.charCodeAt(0) !== byte) rest = rest.replace(MOVES, '')
      if (rest === '') return
      if (rest.charCodeAt(0) !== byte) return this.doubt()
      rest = rest.slice(1)
      this.take()
    }
  }

  /** An end of line needs no echo when all before it has had one. */
  private settle(): void {
    while (this.pending.length > 0 && endsLine(this.pending[0]!.byte)) this.take()
  }

  private take(): void {
    const { byte } = this.pending.shift()!
    this.line.push(byte)
    if (endsLine(byte)) {
      const { line } = this
      this.begin()
      this.keep(Buffer.from(line))
    }
    this.settle()
  }

  /** The line is dropped, and what was typed behind it: that was typed before it was known, and may belong to the same question. */
  private doubt(): void {
    const last = this.pending.at(-1)
    this.pending = []
    this.line = []
    this.doubted = last === undefined || !endsLine(last.byte)
  }

  private begin(): void {
    this.line = []
    this.doubted = false
  }
}
