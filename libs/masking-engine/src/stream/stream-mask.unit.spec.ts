import { describe, expect, test } from '@jest/globals'
import { detectorIds, type DetectorId, type Transform } from '@sallyport/contracts/masking'
import type { StreamMask, StreamOptions } from '@sallyport/protocol-kit'
import { compilePlan } from '../index.js'

const hashKey = Buffer.alloc(32, 7).toString('base64')
interface Rules { transform?: Transform; detectors?: readonly DetectorId[]; patterns?: { name: string; pattern: string }[] }
const open = (options: Partial<StreamOptions> = {}, { transform = { kind: 'redact' }, detectors = detectorIds, patterns = [] }: Rules = {}): StreamMask =>
  compilePlan({ revision: 1, outputs: [], detection: [{ rule: 'r', detectors: [...detectors], patterns, transform }], touchesMasked: false, columnRules: false, hashKey })
    .stream({ hold: 'line', delayMaxMs: 20, binary: 'mask', ...options })
const text = (parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString('latin1')
const bytes = (value: string): Buffer => Buffer.from(value, 'latin1')
/** Everything that comes out of pieces that come at once. */
const through = (stream: StreamMask, ...pieces: string[]): string => [...pieces.map((piece) => text(stream.write(bytes(piece), 0))), text(stream.end())].join('')
const terminal = { hold: 'viable' } as const

// Assembled at run time, so that scanners of source code don't take these made-up values for leaked ones.
const made = (...parts: string[]): string => parts.join('')
const id = made('AKIA', 'IOSFODNN7EXAMPLE')
const body = 'MIIEowIBAAKCAQEAabcdefghijklmnopqrstuvwxyz0123456789abcdefghijkl'
const pem = (lineEnd: string): string => [made('-----BEGIN RSA PRIVATE', ' KEY-----'), 'Proc-Type: 4,ENCRYPTED', '', body, body, 'abc=', made('-----END RSA PRIVATE', ' KEY-----')].join(lineEnd)

describe('a stream', () => {
  test.each([
    ['no secret\nat all', 'no secret\nat all'],
    [`id ${id}\nnext`, 'id [masked:r]\nnext'],
    ['mail bob@example.com, ok\r\nx', 'mail [masked:r], ok\r\nx'],
    [`\u001b[1mgrep\u001b[0m: ${id.slice(0, 6)}\u001b[31m${id.slice(6)}\u001b[m!\n`, '\u001b[1mgrep\u001b[0m: [masked:r]\u001b[31m\u001b[m!\n'],
    [`${id.slice(0, 4)}X\b${id.slice(4)} \n`, '[masked:r] \n'],
    [`\u001b]0;${id}\u0007$ \n`, '\u001b]0;[masked:r]\u0007$ \n'],
    [`\u001b]0;${id}\n`, '\u001b]0;[masked:r]\n'],
    [`\u001b[${id}\n`, '\u001b[[masked:r]\n'],
    [`${id.slice(0, 8)}\u001b]0;bob@example.com\u0007${id.slice(8)}\n`, '[masked:r]\n'],
    [`${id.slice(0, 8)}\u0000${id.slice(8)}\n`, '[masked:r]\u0000\n'],
    ['\u00ff\u00fe bob@example.com \u00e9\n', '\u00ff\u00fe [masked:r] \u00e9\n'],
    [`a${pem('\n')}b\n`, 'a[masked:r]\nb\n'],
    [`a\r\n${pem('\r\n')}\r\nb\r\n`, 'a\r\n[masked:r]\r\nb\r\n'],
    [JSON.stringify({ key: pem('\n'), other: 1 }), '{"key":"[masked:r]","other":1}'],
    ['one\n\n\ntwo\r\n\r\n', 'one\n\n\ntwo\r\n\r\n'],
  ])('%j', (input, expected) => {
    expect(through(open(), input)).toBe(expected)
    expect(through(open(), ...input)).toBe(expected)
  })

  test('what a multi-byte character is split by', () => {
    const input = Buffer.from('Grüße an jürgen@example.com ✓ 😀\n').toString('latin1')
    const expected = Buffer.from('Grüße an [masked:r] ✓ 😀\n').toString('latin1')
    expect(through(open(), ...input)).toBe(expected)
    expect(through(open(), input)).toBe(expected)
  })

  test.each<[Transform, string]>([
    [{ kind: 'partial', keep: 4 }, '****************MPLE'],
    [{ kind: 'hash' }, '[hash:'],
    [{ kind: 'null' }, '[masked:r]'],
  ])('transform %j', (transform, expected) => {
    expect(through(open({}, { transform }), `x ${id}\n`)).toContain(`x ${expected}`)
  })

  test('own patterns, also where every line begins and ends', () => {
    const rules: Rules = { detectors: [], patterns: [{ name: 'a', pattern: '^CN-[0-9]{4}$' }, { name: 'b', pattern: '\\AZ[0-9]+\\z' }] }
    expect(through(open({}, rules), 'CN-1234\nxCN-1234\nZ12\nZ12 \n')).toBe('[masked:r]\nxCN-1234\n[masked:r]\nZ12 \n')
    expect(through(open({}, { detectors: [], patterns: rules.patterns!.slice(0, 1) }), 'a\nCN-1234\r\nxCN-1234\n')).toBe('a\n[masked:r]\r\nxCN-1234\n')
  })

  test('counts matches by rule', () => {
    const stream = open()
    through(stream, `${id} ${id}\n${pem('\n')}\nbob@example.com`)
    expect(stream.counts).toEqual(new Map([['r', 4]]))
  })
})

describe('what is held', () => {
  test('whole lines go out at once, the rest at its deadline', () => {
    const stream = open()
    expect(text(stream.write(bytes('one\ntw'), 5))).toBe('one\n')
    expect(stream.holds()).toBe(25)
    expect(text(stream.write(bytes('o'), 15))).toBe('')
    expect(stream.holds()).toBe(25)
    expect(text(stream.release(24))).toBe('')
    expect(text(stream.release(25))).toBe('two')
    expect(stream.holds()).toBeUndefined()
    expect(text(stream.write(bytes('\n'), 30))).toBe('\n')
    expect(stream.holds()).toBeUndefined()
  })

  test('of a match whose beginning went out, the rest is masked and counted', () => {
    const stream = open()
    stream.write(bytes(`id ${id.slice(0, 10)}`), 0)
    expect(text(stream.release(20))).toBe(`id ${id.slice(0, 10)}`)
    expect(text(stream.write(bytes(`${id.slice(10)} end\n`), 40))).toBe('[masked:r] end\n')
    expect(stream.counts.get('r')).toBe(1)
  })

  test.each<[Transform, string]>([[{ kind: 'redact' }, 'x [masked:r] end\n'], [{ kind: 'partial', keep: 4 }, 'x **********e.co* end\n']])('a match that goes on after it was masked: %j', (transform, expected) => {
    const stream = open({}, { transform })
    stream.write(bytes('x bob@example.co'), 0)
    const shown = text(stream.release(20)) + text(stream.write(bytes('m end\n'), 21))
    expect(shown).toBe(expected)
    expect(stream.counts.get('r')).toBe(1)
  })

  test('a private key stays hidden over any pause, line by line and byte by byte', () => {
    for (const options of [{}, terminal]) {
      const stream = open(options)
      let now = 0
      let shown = ''
      for (const char of `$ cat key\r\n${pem('\r\n')}\r\n$ `) {
        now += 100
        shown += text(stream.write(bytes(char), now)) + text(stream.release(now + 50))
      }
      // The mark of its beginning can't be known before it is whole.
      expect(shown.replace(made('-----BEGIN RSA PRIVATE', ' KEY----'), '')).toBe('$ cat key\r\n[masked:r]\r\n$ ')
    }
  })

  test('a beginning without a key hides nothing else', () => {
    const mark = made('-----BEGIN PRIVATE', ' KEY-----')
    expect(through(open(), `a.pem:${mark}\nb.pem:${mark}\n$ ls\nfile one\n${body}\n`)).toBe('a.pem:[masked:r]\nb.pem:[masked:r]\n$ ls\nfile one\n')
    const stream = open(terminal)
    expect(text(stream.write(bytes(`${mark}\r\n$ `), 0)) + text(stream.release(20))).toBe('[masked:r]\r\n$ ')
    expect(text(stream.write(bytes('l'), 30))).toBe('l')
  })

  test('a keystroke\'s echo waits for nothing, unless it may be a secret\'s', () => {
    const stream = open(terminal)
    const waits = (typed: string): string => [...typed].filter((char) => { const out = text(stream.write(bytes(char), 0)); const held = out === ''; stream.release(1000); return held }).join('')
    expect(waits('ls -la /usr/share/doc | grep -v readme > out.txt\r\n')).toBe('')
    expect(waits('git commit -m "Fix the thing" && cd ~/src/main.ts && vim x\r\n')).toBe('')
    expect(waits(`export K=${id}\r\n`)).toBe(id.slice(3))
  })

  test('a prompt and colours go out at once, the last word of a bulk and an unfinished sequence wait', () => {
    const stream = open(terminal)
    expect(text(stream.write(bytes('out\r\n\u001b[01;32mroot@host\u001b[00m:\u001b[01;34m~\u001b[00m# '), 0))).toBe('out\r\n\u001b[01;32mroot@host\u001b[00m:\u001b[01;34m~\u001b[00m# ')
    expect(text(stream.write(bytes(`\r\n${'word '.repeat(20)}ali`), 0)).endsWith('word ')).toBe(true)
    expect(text(stream.write(bytes('ce@example.com ok\u001b[3'), 0))).toBe('[masked:r] ok')
    expect(text(stream.write(bytes('1m'), 0))).toBe('\u001b[31m')
    expect(stream.holds()).toBeUndefined()
  })
})

describe('binary data', () => {
  const tar = `file.txt${'\0'.repeat(92)}0000644\0 bob@example.com\n bob@example.com\n`
  const png = `\u0089PNG\r\n\u001a\n\0\0\0\rIHDR bob@example.com \n`
  test.each([tar, png, `\u00ff\u00d8\u00ff\u00e0\u0010JFIF ${id} \n`])('%j passes, if it may', (input) => {
    expect(through(open({ binary: 'pass' }), input)).toBe(input)
    expect(through(open({ binary: 'pass' }), ...input)).toBe(input)
    expect(through(open({ ...terminal, binary: 'pass' }), input)).toBe(input)
    expect(through(open(), input)).not.toBe(input)
  })

  test('text is none, nor is what comes later', () => {
    const late = `${'line of text\n'.repeat(1000)}\0\0 bob@example.com \n`
    expect(through(open({ binary: 'pass' }), late)).toBe(late.replace('bob@example.com', '[masked:r]'))
    expect(through(open({ binary: 'pass' }), 'Gr\u00fc\u00dfe an bob@example.com\n')).toBe('Gr\u00fc\u00dfe an [masked:r]\n')
  })
})
