import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { TestTerminal } from '../../test/terminal.js'
import { Drawing } from './drawing.js'
import { KeyDecoder, type Key } from './keys.js'
import { emptyLine, press, textOf } from './line-editor.js'
import { graphemes, shown } from './width.js'

const CHARS_MAX = 200
const history = ['ls -l', 'echo "日本語のテキスト" | wc', 'cat <<E\nfirst\nsecond\nE', 'x'.repeat(60)]

const sign = fc.constantFrom('a', 'b', ' ', '/', '"', 'é', 'e\u0301', '日', '語', '👍', '👨‍👩‍👧', '\u202e', 'ß')
const keys: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.array(sign, { minLength: 1, maxLength: 12 }).map((signs) => signs.join('')) },
  { weight: 6, arbitrary: fc.constantFrom('\x01', '\x02', '\x05', '\x06', '\x08', '\x0b', '\x14', '\x15', '\x17', '\x19', '\x7f', '\x04x', '\x1b[A', '\x1b[B', '\x1b[C', '\x1b[D', '\x1b[H', '\x1b[F', '\x1b[3~', '\x1bb', '\x1bf', '\x1bd', '\x1bOC', '\x12', '\x07', '\x1b[1;5D', '\x1b[99~') },
  { weight: 1, arbitrary: fc.array(fc.oneof(sign, fc.constantFrom('\n', '\r\n', '\t', '\x03')), { maxLength: 8 }).map((signs) => `\x1b[200~${signs.join('')}\x1b[201~`) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
)

const decode = (chunks: readonly Uint8Array[]): readonly Key[] => {
  const decoder = new KeyDecoder()
  const all: Key[] = []
  for (const chunk of chunks) {
    decoder.push(chunk)
    for (let key = decoder.next(); key !== undefined; key = decoder.next()) all.push(key)
  }
  return all
}

/** Typed signs may come in pieces; what they are together counts. */
const joined = (all: readonly Key[]): readonly Key[] => {
  const out: Key[] = []
  for (const key of all) {
    const last = out.at(-1)
    if (key.kind !== 'key' && last?.kind === key.kind) out[out.length - 1] = { kind: key.kind, text: last.text + key.text }
    else out.push(key)
  }
  return out
}

describe('the keys', () => {
  test('are the same however their bytes are split', () => {
    fc.assert(fc.property(fc.array(keys, { maxLength: 12 }), fc.array(fc.nat(200), { maxLength: 8 }), (pressed, cuts) => {
      const bytes = Buffer.from(pressed.join(''))
      const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((one, other) => one - other), bytes.length]
      const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end))
      expect(joined(decode(pieces))).toEqual(joined(decode([bytes])))
    }))
  })

  test('are read from any bytes without an end', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(decode([bytes]).length).toBeLessThanOrEqual(bytes.length)
    }))
  })
})

/** What must stand on a terminal: the text broken where a row is full, and the cursor's place in it. */
const laidOut = (text: string, columns: number): TestTerminal => {
  const terminal = new TestTerminal(columns)
  for (const each of graphemes(text)) {
    if (each === '\n') terminal.write('\r\n')
    else for (const unit of shown(each) === each ? [each] : shown(each)) {
      terminal.write(unit)
      if (terminal.cursor.column === columns) terminal.write('\r\n')
    }
  }
  return terminal
}

describe('the line editor', () => {
  test('after any keys shows what it holds, with the cursor where it is', () => {
    fc.assert(fc.property(fc.array(keys, { maxLength: 30 }), fc.integer({ min: 10, max: 40 }), (pressed, columns) => {
      const terminal = new TestTerminal(columns)
      const drawing = new Drawing(columns)
      const prompt = 'me@host:~$ '
      let line = emptyLine(history)
      terminal.write(drawing.draw({ prompt, before: line.before, after: line.after }))
      for (const key of decode([Buffer.from(pressed.join(''))])) {
        const edit = press(line, key, history, CHARS_MAX)
        if (edit.kind !== 'edited') continue
        line = edit.line
        terminal.write(drawing.draw({ prompt, before: line.before, after: line.after }))
        expect(textOf(line).length).toBeLessThanOrEqual(Math.max(CHARS_MAX, 60))
        expect(line.at).toBeGreaterThanOrEqual(0)
        expect(line.at).toBeLessThanOrEqual(history.length)
        // A sign is never cut in two: what stands left and right of the cursor are whole characters.
        expect(line.before.isWellFormed() && line.after.isWellFormed()).toBe(true)
        expect(terminal.text).toEqual(laidOut(prompt + textOf(line), columns).text)
        expect(terminal.cursor).toEqual(laidOut(prompt + line.before, columns).cursor)
      }
      terminal.write(`${drawing.leave()}next`)
      expect(terminal.text.at(-1)).toBe('next')
    }), { numRuns: 300 })
  })
})
