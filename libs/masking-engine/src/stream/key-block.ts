import { KEY_BYTES_MAX } from './limits.js'

const begin = /^-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/
const end = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|Private-MAC: ?[0-9a-f]{0,128}/g
const putty = 'PuTTY-User-Key-File-'
const MARK_CHARS_MAX = 80

const header = /^[ \t]*(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|MessageID|Encryption|Public-Lines|Private-Lines|Key-Derivation|Argon2-[A-Za-z]+): /
const alphabet = /^[A-Za-z0-9+/=\\ \t\r"',]*$/
const bodyRun = /[A-Za-z0-9+/=]{24}/
const longRun = /[A-Za-z0-9+/=]{40}/

/** What may become a header or the end mark. */
const partial = /^(?:[ \t]*[A-Z][A-Za-z0-9-]{0,20}:?|-{1,5}(?:E|EN|END(?: [A-Z0-9 ]{0,60}-{0,4})?)?)$/

const behindBegin = (text: string): number => {
  const mark = text.lastIndexOf('-----BEGIN ')
  const head = mark === -1 ? null : begin.exec(text.slice(mark, mark + MARK_CHARS_MAX))
  return head === null ? 0 : mark + head[0].length
}

/** Whether a private key begins in a text, at or behind `from`, and doesn't end in it. */
const opensIn = (text: string, from: number): boolean => {
  const file = text.lastIndexOf(putty)
  const start = Math.max(behindBegin(text), file === -1 ? 0 : file + putty.length)
  if (start <= from) return false
  end.lastIndex = start
  return end.exec(text) === null
}

/**
 * A private key over several lines. From its beginning on it is hidden up to its end mark, over any pause. Where lines come that are
 * no part of a key (somebody searched for beginnings), they are shown, and only long runs of base 64 stay hidden; after 64 KiB nothing is.
 */
export class KeyBlock {
  private state: 'closed' | 'strict' | 'loose' = 'closed'
  private left = 0

  get open(): boolean {
    return this.state !== 'closed'
  }

  /** The next bytes may be a key's, whatever they are: nothing of a line is shown before it is whole. */
  get strict(): boolean {
    return this.state === 'strict'
  }

  /** Told of each text that went out with finds up to its end; `from`: what of it is new. */
  follow(text: string, from: number): void {
    if (!opensIn(text, from)) return
    this.state = 'strict'
    this.left = KEY_BYTES_MAX
  }

  /**
   * How far the key reaches in the next text of a line. `from`: what of it is new; `inside`: what was before is the key's;
   * `whole`: the line ends with it. Answers `from` when the key doesn't reach into it.
   */
  reach(text: string, from: number, inside: boolean, whole: boolean): number {
    end.lastIndex = 0
    for (let match = end.exec(text); match !== null; match = end.exec(text)) {
      if (match.index + match[0].length <= from) continue
      this.state = 'closed'
      return match.index + match[0].length
    }
    this.left -= text.length - from + 1
    if (this.left <= 0) {
      this.state = 'closed'
      return from
    }
    const line = text.slice(inside ? behindBegin(text) : from)
    if (!whole && partial.test(line)) return text.length
    if (this.state === 'strict' && (alphabet.test(line) || bodyRun.test(line) || header.test(line))) return text.length
    this.state = 'loose'
    return longRun.test(line) ? text.length : from
  }
}
