import { describe, expect, test } from '@jest/globals'
import { detectorIds, type Transform } from '@sallyport/contracts/masking'
import type { StreamOptions } from '@sallyport/protocol-kit'
import fc from 'fast-check'
import { createFinder, waysOf } from '../finder.js'
import { compilePlan } from '../index.js'
import { createSuspicion } from './suspicion.js'

const hashKey = Buffer.alloc(32, 7).toString('base64')
const detection = (transform: Transform) => [{ rule: 'r', detectors: [...detectorIds], patterns: [{ name: 'p', pattern: 'CN-[0-9]{4}' }], transform }]
const plans = ([{ kind: 'redact' }, { kind: 'partial', keep: 4 }, { kind: 'hash' }, { kind: 'null' }] as const).map((transform) =>
  compilePlan({ revision: 1, outputs: [], detection: detection(transform), touchesMasked: false, columnRules: false, hashKey }))
const plan = plans[0]!
const exact: StreamOptions = { hold: 'line', delayMaxMs: 20, binary: 'mask' }
const made = (...parts: string[]): string => parts.join('')

const secrets = [
  made('AKIA', 'IOSFODNN7EXAMPLE'), 'bob.builder@example.com', '4111 1111 1111 1111', made('ghp_', 'abcdefghijklmnopqrstuvwxyz0123456789'), made('eyJhbGciOiJIUzI1NiJ9', '.eyJzdWIiOiIxMjM0NTY3ODkwIn0', '.dozjgNryP4J3jVmNHl0w5N'),
  'password=hunter2hunter', 'postgres://app:pa55word@db', '219-09-9999', 'CN-1234', 'q7Rk2Zp9XcVb4Nm1TyGh', 'RSSMRA85T10A562S',
]
const secret = fc.constantFrom(...secrets)
const noise = fc.oneof(
  fc.constantFrom(' ', '\n', '\r\n', '\r', '\t', '\u001b[0m', '\u001b[31;1m', '\u001b]0;t\u0007', '\b', '\u0000', '=', '"', ':', '-----', '@', 'é', '😀', '\u0085', '-----BEGIN PRIVATE KEY-----', '-----END PRIVATE KEY-----', 'key', 'AKIA', 'password: '),
  fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 6 }),
)
const bytesOf = (parts: readonly (string | Uint8Array)[]): Buffer => Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
const stream = fc.array(fc.oneof({ weight: 3, arbitrary: noise }, { weight: 1, arbitrary: secret }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 6 }) }), { maxLength: 40 }).map(bytesOf)
const cuts = fc.array(fc.nat({ max: 4000 }), { maxLength: 30 })

const through = (bytes: Uint8Array, at: readonly number[], options: StreamOptions, which = plan, pause = 0): Buffer => {
  const mask = which.stream(options)
  const out: Uint8Array[] = []
  let from = 0
  let now = 0
  for (const to of [...new Set(at.map((cut) => Math.min(cut, bytes.length)))].sort((a, b) => a - b).concat(bytes.length)) {
    out.push(...mask.write(Buffer.from(bytes.subarray(from, to)), now))
    now += pause
    out.push(...mask.release(now))
    from = to
  }
  out.push(...mask.end())
  return Buffer.concat(out)
}

describe('a stream, however it comes in pieces', () => {
  test('gives the same bytes as all of it at once', () => {
    fc.assert(fc.property(stream, cuts, fc.constantFrom(...plans), fc.constantFrom('pass', 'mask'), (bytes, at, which, binary) => {
      const scaled = at.map((cut) => cut % (bytes.length + 1))
      expect(through(bytes, scaled, { ...exact, binary }, which).toString('latin1')).toBe(through(bytes, [], { ...exact, binary }, which).toString('latin1'))
    }), { numRuns: 1000 })
  })

  test('also in lines longer than a window', () => {
    const filler = fc.constantFrom('x'.repeat(70_000), 'word '.repeat(15_000), 'aB3dE5'.repeat(12_000), '{"a":"b"},'.repeat(20_000))
    fc.assert(fc.property(stream, filler, stream, fc.array(fc.nat({ max: 300_000 }), { maxLength: 5 }), (before, long, after, at) => {
      const bytes = bytesOf([before, long, after])
      expect(through(bytes, at, exact).equals(through(bytes, [], exact))).toBe(true)
    }), { numRuns: 60 })
  })

  const beside = fc.constantFrom(' ', ', ', ' \u001b[32m', '\n', ' é ')
  test('shows no planted secret, whatever waits and however long', () => {
    fc.assert(fc.property(stream, beside, secret, cuts, fc.constantFrom<'line' | 'viable'>('line', 'viable'), fc.constantFrom(0, 5, 30), (before, gap, planted, at, hold, pause) => {
      const clean = before.filter((byte) => byte < 0x80 && byte !== 0x08 && byte !== 0x1b && byte !== 0x22 && byte !== 0x27)
      // Only what follows a URL's password shows that it is one: too late when it went out.
      fc.pre(!Buffer.from(clean).includes(planted) && (pause === 0 || !planted.includes('://')))
      const bytes = bytesOf([clean, ' ', gap, planted, gap, 'end\n'])
      const near = at.map((cut) => Math.max(0, bytes.length - 1 - (cut % 80)))
      expect(through(bytes, near, { ...exact, hold }, plan, pause).toString()).not.toContain(planted)
    }), { numRuns: 1000 })
  })

  test('changes nothing but secrets', () => {
    const innocent = fc.array(fc.constantFrom('one', 'two', ' ', '\n', '\r\n', '\u001b[1m', 'é', '\t', '.', ';', '12', '\b', '\u0000', '\u001b]0;t\u0007', '\u001b'), { maxLength: 200 }).map((parts) => Buffer.concat([...parts.map((part) => Buffer.from(part)), Buffer.of(0xff)]))
    fc.assert(fc.property(innocent, cuts, fc.constantFrom<'line' | 'viable'>('line', 'viable'), fc.constantFrom(0, 30), (bytes, at, hold, pause) => {
      expect(through(bytes, at, { ...exact, hold }, plan, pause).toString('latin1')).toBe(bytes.toString('latin1'))
    }), { numRuns: 500 })
  })

  test('nothing waits longer than it may', () => {
    fc.assert(fc.property(stream, cuts, fc.constantFrom<'line' | 'viable'>('line', 'viable'), (bytes, at, hold) => {
      const mask = plan.stream({ ...exact, hold })
      let now = 0
      for (const cut of at) {
        const before = mask.holds()
        mask.write(bytes.subarray(cut % (bytes.length + 1), (cut % (bytes.length + 1)) + 7), now)
        const holds = mask.holds()
        if (holds !== undefined) expect(holds).toBeLessThanOrEqual(now + 20)
        if (holds !== undefined && before !== undefined) expect(holds).toBeGreaterThanOrEqual(before)
        now += 7
        mask.release(now)
        expect(mask.holds() ?? Infinity).toBeGreaterThan(now)
      }
    }))
  })
})

describe('hostile streams end', () => {
  const units = ['a@', '1 ', '4111 1111 ', 'aB3', 'eyJ.', 'password="', '://a:', '-----BEGIN PRIVATE KEY-----', '-----END PRIVATE KEY-----', '-----', '\u001b[', '\u001b]', '\u001b]0;x\u001b', '\b', 'a\b', '\r', '\u0000', '\u009d', '\u00ff', 'é', 'x\n', '-----BEGIN PRIVATE KEY-----\nab\n']
  test.each(units.map((unit) => [unit]))('a quarter of a million bytes of %j, at once, in pieces, with pauses', (unit) => {
    const bytes = Buffer.from(unit.repeat(Math.ceil(250_000 / unit.length)))
    const whole = through(bytes, [], exact)
    expect(through(bytes, Array.from({ length: 300 }, (_, index) => index * 900), exact).equals(whole)).toBe(true)
    through(bytes.subarray(0, 12_000), Array.from({ length: 300 }, (_, index) => index * 31), { ...exact, hold: 'viable' }, plan, 30)
    through(bytes.subarray(0, 12_000), Array.from({ length: 300 }, (_, index) => index * 31), exact, plan, 30)
  })
})

test('a line that no one suspects holds nothing that a detector finds', () => {
  for (const detectors of [[...detectorIds], ...detectorIds.map((id) => [id])]) {
    const ways = waysOf([{ rule: 'r', detectors, patterns: [], transform: { kind: 'redact' } }])
    const suspicion = createSuspicion(ways)
    const find = createFinder(ways)
    const piece = fc.oneof(secret, fc.string({ maxLength: 10 }), fc.string({ unit: fc.constantFrom(...'0123456789aAbBzZ-_./=+ :@%\u00a0'), maxLength: 50 }), fc.stringMatching(/^[a-f0-9]{30,40}$/), fc.stringMatching(/^[A-Za-z0-9+/]{18,44}={0,2}$/), fc.constantFrom('SG.', 'ya29.', 'hooks.slack.com/services/', 'Bearer ', 'identified by \'x\'', 'pwd=abcd', 'ssn ', 'PuTTY-User-Key-File-2', 'sk_live_', 'xoxb-', 'spc_', 'whsec_', '1//0', 'a%40b.co', 'AB123456C', '2 55 08 2A 168 025 38'))
    fc.assert(fc.property(fc.array(piece, { maxLength: 5 }), (parts) => {
      const line = parts.join('').replaceAll(/[\n\r]/g, ' ')
      if (find(line) === undefined) return
      const bytes = Buffer.from(`clean\n${line}\n`)
      expect(suspicion.lines(bytes, bytes.length)(0)).toBe(6)
    }), { numRuns: 1500 })
  }
})
