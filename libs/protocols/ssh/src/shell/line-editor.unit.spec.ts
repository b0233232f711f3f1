import { describe, expect, test } from '@jest/globals'
import { KeyDecoder } from './keys.js'
import { emptyLine, press, textOf, type Edit, type EditedLine } from './line-editor.js'

const history = ['git status', 'make test', 'git push']

const type = (keys: string, line: EditedLine = emptyLine(history)): { readonly line: EditedLine; readonly last: Edit | undefined } => {
  const decoder = new KeyDecoder()
  decoder.push(Buffer.from(keys))
  let last: Edit | undefined
  for (let key = decoder.next(); key !== undefined; key = decoder.next()) {
    last = press(line, key, history, 100)
    if ('line' in last) line = last.line
  }
  return { line, last }
}

const after = (keys: string): string => {
  const { line } = type(keys)
  return `${line.before}|${line.after}`
}

describe('the line editor', () => {
  test.each([
    ['inserts where the cursor is', 'ac\x1b[Db', 'ab|c'],
    ['goes to both ends', 'bc\x01a\x05d', 'abcd|'],
    ['deletes left and right of the cursor', 'abcd\x1b[D\x7f\x1b[3~', 'ab|'],
    ['deletes to the end and brings it back', 'abcd\x01\x0b-\x19', '-abcd|'],
    ['deletes to the start', 'ab cd\x1b[D\x1b[D\x15', '|cd'],
    ['deletes a word by blanks', 'rm -rf /tmp/a.b \x17', 'rm -rf |'],
    ['goes by words', 'one two\x1bb\x1bbX', 'Xone two|'.replace('one two|', '|one two')],
    ['takes a sign of several characters as one', 'a👨‍👩‍👧\x7f', 'a|'],
    ['takes a letter with its accent as one', 'ae\u0301\x1b[Db', 'ab|e\u0301'],
    ['exchanges signs', 'sl\x14', 'ls|'],
    ['looks at older lines and comes back to what was typed', 'new\x1b[A\x1b[A\x1b[B\x1b[B', 'new|'],
    ['stops at the oldest', '\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A', 'git status|'],
    ['searches', '\x12git', 'git push|'],
    ['searches further back', '\x12git\x12', 'git status|'],
    ['gives the search up', 'typed\x12git\x07', 'typed|'],
    ['goes on editing what was found', '\x12make\x05!', 'make test!|'],
    ['takes pasted line ends as they are', '\x1b[200~a\r\nb\x1b[201~', 'a\nb|'],
    ['takes no key for what a paste holds', '\x1b[200~a\x03\x15b\x1b[201~', 'a\x03\x15b|'],
    ['ignores what it does not know', 'a\x1b[?25h\x1b[15~\x1b[1;9Zb', 'ab|'],
  ])('%s', (_what, keys, expected) => {
    expect(after(keys)).toBe(expected)
  })

  test('ends the line, gives it up, ends the input', () => {
    expect(type('ls\r').last).toMatchObject({ kind: 'entered' })
    expect(type('ls\n').last).toMatchObject({ kind: 'entered' })
    expect(type('ls\x03').last).toEqual({ kind: 'cancelled' })
    expect(type('\x04').last).toEqual({ kind: 'ended' })
    expect(after('ab\x01\x04')).toBe('|b')
  })

  test('takes no more than its limit', () => {
    const { line, last } = type(`${'x'.repeat(99)}`)
    expect(press(line, { kind: 'text', text: 'yy' }, history, 100)).toEqual({ kind: 'bell' })
    expect(last).toMatchObject({ kind: 'edited' })
    expect(textOf(line)).toHaveLength(99)
  })
})
