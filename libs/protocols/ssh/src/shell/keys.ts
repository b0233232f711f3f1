export type KeyName =
  | 'left' | 'right' | 'up' | 'down' | 'home' | 'end' | 'word-left' | 'word-right' | 'backspace' | 'delete' | 'delete-word-left' | 'delete-word-right'
  | 'delete-to-start' | 'delete-to-end' | 'transpose' | 'yank' | 'clear-screen' | 'search' | 'enter' | 'cancel' | 'end-of-input' | 'escape'

/** What was pressed. `text` was typed, `paste` came in brackets (xterm's mode 2004): its line ends end nothing. */
export type Key =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'paste'; readonly text: string }
  | { readonly kind: 'key'; readonly name: KeyName }

const controls: Readonly<Record<string, KeyName>> = {
  '\x01': 'home', '\x02': 'left', '\x03': 'cancel', '\x04': 'end-of-input', '\x05': 'end', '\x06': 'right', '\x07': 'escape', '\x08': 'backspace', '\n': 'enter', '\x0b': 'delete-to-end', '\x0c': 'clear-screen',
  '\r': 'enter', '\x0e': 'down', '\x10': 'up', '\x12': 'search', '\x14': 'transpose', '\x15': 'delete-to-start', '\x17': 'delete-word-left', '\x19': 'yank', '\x7f': 'backspace',
}

/** By their parameters and final byte, behind `ESC [` and `ESC O`. */
const sequences: Readonly<Record<string, KeyName>> = {
  A: 'up', B: 'down', C: 'right', D: 'left', H: 'home', F: 'end', '1~': 'home', '7~': 'home', '4~': 'end', '8~': 'end', '3~': 'delete',
  '1;5C': 'word-right', '1;5D': 'word-left', '1;3C': 'word-right', '1;3D': 'word-left', '5C': 'word-right', '5D': 'word-left', '3;5~': 'delete-word-right',
}
const alts: Readonly<Record<string, KeyName>> = { b: 'word-left', f: 'word-right', d: 'delete-word-right', '\x7f': 'delete-word-left', '\x08': 'delete-word-left' }

/** ECMA-48, section 5.4: a control sequence that is complete; and the beginning of one. */
// eslint-disable-next-line no-control-regex
const CSI = /^\x1b\[([0-?]{0,32})[ -/]{0,8}([@-~])/
// eslint-disable-next-line no-control-regex
const CSI_BEGINNING = /^\x1b(?:\[[0-?]{0,32}[ -/]{0,8}|O)?$/
const PASTE_END = '\x1b[201~'
/** Longer pastes come in pieces. */
const PASTE_PIECE_CHARS = 4 * 1024

/** Reads the keys from a terminal's bytes, however they are split. A lone Escape is known by what follows it. */
export class KeyDecoder {
  private readonly decoder = new TextDecoder('utf-8')
  private rest = ''
  private pasting = false

  /** Answers one key at a time: whoever acts on one may leave what follows it in the decoder. */
  push(bytes: Uint8Array): void {
    this.rest += this.decoder.decode(bytes, { stream: true })
  }

  /** Undefined: more must come. */
  next(): Key | undefined {
    if (this.pasting) return this.nextPasted()
    const { rest } = this
    if (rest === '') return undefined
    if (rest.startsWith('\x1b')) return this.nextEscaped()
    const control = controls[rest[0]!]
    if (control !== undefined) {
      // A terminal that isn't raw sends both.
      this.rest = rest.slice(rest.startsWith('\r\n') ? 2 : 1)
      return { kind: 'key', name: control }
    }
    // eslint-disable-next-line no-control-regex
    const text = /^[^\x00-\x1f\x7f]+/.exec(rest)?.[0]
    this.rest = rest.slice(text?.length ?? 1)
    return text === undefined ? this.next() : { kind: 'text', text }
  }

  /** What was received and not asked for is gone. */
  forget(): void {
    this.rest = ''
    this.pasting = false
  }

  private nextEscaped(): Key | undefined {
    const { rest } = this
    const found = CSI.exec(rest) ?? SS3.exec(rest)
    if (found !== null) {
      this.rest = rest.slice(found[0].length)
      const [, parameters = '', final = ''] = found
      if (final === '~' && parameters === '200') {
        this.pasting = true
        return this.next()
      }
      const name = sequences[parameters + final]
      return name === undefined ? this.next() : { kind: 'key', name }
    }
    if (CSI_BEGINNING.test(rest)) return undefined
    // A second Escape begins anew; a sequence that is none loses its head.
    const alt = alts[rest[1]!]
    this.rest = rest.slice(rest[1] === '\x1b' || alt === undefined && rest[1]! < ' ' ? 1 : 2)
    return alt === undefined ? { kind: 'key', name: 'escape' } : { kind: 'key', name: alt }
  }

  private nextPasted(): Key | undefined {
    const end = this.rest.indexOf(PASTE_END)
    if (end === -1) {
      // The end's own beginning stays.
      let kept = 0
      for (let length = 1; length < PASTE_END.length; length += 1) if (this.rest.endsWith(PASTE_END.slice(0, length))) kept = length
      const text = this.rest.slice(0, this.rest.length - kept)
      if (text.length < PASTE_PIECE_CHARS) return undefined
      this.rest = this.rest.slice(text.length)
      return { kind: 'paste', text }
    }
    const text = this.rest.slice(0, end)
    this.rest = this.rest.slice(end + PASTE_END.length)
    this.pasting = false
    return text === '' ? this.next() : { kind: 'paste', text }
  }
}

// eslint-disable-next-line no-control-regex
const SS3 = /^\x1bO()([A-Za-z])/
