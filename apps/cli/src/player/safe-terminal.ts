/** What may follow ESC, other than the beginnings of sequences: index, next line, tab set, save and restore the cursor, keypad modes, reset. */
const ESCAPES = new Set([...'DEHM78=>c'])
/** Final bytes of control sequences that move, colour, insert, erase and scroll. Reports (`c`, `n`), window operations (`t`) and key maps are not among them. */
const SEQUENCES = new Set([...'@ABCDEFGHIJKLMPSTXZ`abdefghlmrsu'])
const SEQUENCE_LENGTH_MAX = 128
const CONTROLS = new Set(['\b', '\t', '\n', '\v', '\f', '\r', '\u0007', '\u000e', '\u000f'])

/**
 * Makes a filter for what a recorded session wrote, before it is shown on somebody else's terminal: what only draws passes; what asks the
 * terminal to answer, sets its title or clipboard, or hides text from who reads it is dropped (ECMA-48 sections 5.4 and 5.6). Keeps a
 * sequence that is not whole yet for the next call.
 */
export const safeTerminal = (): ((text: string) => string) => {
  let rest = ''
  return (text) => {
    const source = rest + text
    rest = ''
    let shown = ''
    for (let at = 0; at < source.length;) {
      const end = sequenceEnd(source, at)
      if (end === undefined) {
        rest = source.slice(at)
        break
      }
      shown += passing(source.slice(at, end))
      at = end
    }
    return shown
  }
}

/** Where the sign or sequence that begins at `at` ends; undefined when it isn't whole. */
const sequenceEnd = (text: string, at: number): number | undefined => {
  if (text[at] !== '\u001b') return at + (text.codePointAt(at)! > 0xffff ? 2 : 1)
  const kind = text[at + 1]
  if (kind === undefined) return undefined
  if (kind === '[') return until(text, at, (code) => code >= 0x40 && code <= 0x7e, 2)
  // Strings (OSC, DCS, SOS, PM, APC) end with ST or BEL.
  if (']PX^_'.includes(kind)) return stringEnd(text, at)
  if (kind >= ' ' && kind <= '/') return until(text, at, (code) => code >= 0x30 && code <= 0x7e, 2)
  return at + 2
}

const until = (text: string, at: number, isFinal: (code: number) => boolean, from: number): number | undefined => {
  for (let index = at + from; index < text.length; index += 1) {
    if (isFinal(text.charCodeAt(index))) return index + 1
    // A control character breaks it off, and is one itself: ESC begins another.
    if (text.charCodeAt(index) < 0x20) return index
    if (index - at > SEQUENCE_LENGTH_MAX) return index + 1
  }
  return undefined
}

const STRING_LENGTH_MAX = 64 * 1024
const stringEnd = (text: string, at: number): number | undefined => {
  for (let index = at + 2; index < text.length; index += 1) {
    if (text[index] === '\u0007') return index + 1
    if (text[index] === '\u001b' && text[index + 1] === '\\') return index + 2
    if (index - at > STRING_LENGTH_MAX) return index + 1
  }
  return undefined
}

const passing = (piece: string): string => {
  if (piece[0] !== '\u001b') return piece >= ' ' && !(piece >= '\u007f' && piece <= '\u009f') ? piece : (CONTROLS.has(piece) ? piece : '')
  // eslint-disable-next-line no-control-regex -- it is control sequences that are looked at
  if (piece[1] === '[') return /^\u001b\[[0-9;:?]*[@-~]$/.test(piece) && SEQUENCES.has(piece.at(-1)!) ? piece : ''
  if (piece[1] === '(' || piece[1] === ')') return /^.[()][0-~]$/s.test(piece) ? piece : ''
  return ESCAPES.has(piece[1] ?? '') ? piece : ''
}
