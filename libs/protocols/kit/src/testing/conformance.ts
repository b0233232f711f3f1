import { beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { FactType, ProtocolDescriptor } from '../descriptor.js'
import { strictness, type Fact, type Recognition } from '../operation.js'
import { Refusal, type RefusalCode } from '../refusal.js'

import { watchedHost, type WatchedHost } from './watched-host.js'

export interface ConformanceFixture {
  /** Texts of the protocol: harmless ones, dangerous ones, broken ones. */
  readonly texts: readonly string[]
  /** Settings under which they are recognised. */
  readonly settings?: Readonly<Record<string, string>>
  /** The first bytes of real clients, up to where each waits for an answer. */
  readonly greetings: readonly Uint8Array[]
}

const LABEL = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/
const ACTION = /^[a-z0-9]+(\.[a-z0-9_]+)+$/
const FACT = /^[a-zA-Z][a-zA-Z0-9]{0,63}$/
/** What a session may say to somebody who has not been let in, in bytes. */
const UNADMITTED_BYTES_MAX = 64 * 1024
const CODES: readonly RefusalCode[] = ['bad-credentials', 'denied', 'parked', 'hold-denied', 'unavailable', 'unrecognised', 'limit', 'malformed', 'target-failed', 'killed', 'shutting-down']

const isOf = (type: FactType, fact: Fact): boolean => {
  if (type === 'strings') return Array.isArray(fact) && fact.every((each) => typeof each === 'string')
  return type === 'integer' ? Number.isSafeInteger(fact) : typeof fact === type
}

/** What every protocol owes the platform, whatever it speaks. Call it in a spec of the protocol's own folder. */
export const describeConformance = (descriptor: ProtocolDescriptor, fixture: ConformanceFixture): void => {
  describe(`${descriptor.title} conforms`, () => {
    describeDescriptor(descriptor)
    describeRecognition(descriptor, fixture)
    describeSession(descriptor, fixture)
  })
}

const describeDescriptor = (descriptor: ProtocolDescriptor): void => {
  test('its descriptor is what policies, listeners and connections can be made of', () => {
    expect(descriptor.name).toMatch(LABEL)
    expect(descriptor.title).not.toBe('')
    expect(descriptor.defaultPort).toBeGreaterThan(1023)
    expect(Object.keys(descriptor.actions).filter((action) => !ACTION.test(action))).toEqual([])
    expect(Object.values(descriptor.actions).filter((each) => !(each in strictness))).toEqual([])
    expect(Object.keys(descriptor.facts).filter((fact) => !FACT.test(fact))).toEqual([])
    expect(new Set(descriptor.credentialKinds).size).toBe(descriptor.credentialKinds.length)
    const { textBytesMax, recogniseTimeoutMs, handshakeTimeoutMs } = descriptor.limits
    expect(Math.min(textBytesMax, recogniseTimeoutMs, handshakeTimeoutMs)).toBeGreaterThan(0)
  })

  test('options that it doesn\'t know are faults, and none is none', () => {
    expect(descriptor.checkOptions?.({}) ?? []).toEqual([])
    if (descriptor.checkOptions !== undefined) expect(descriptor.checkOptions({ 'no-such-option': true })).toHaveLength(1)
  })

  test('its client programs are led by their environment, and the secret is in it', () => {
    for (const program of Object.values(descriptor.clients ?? {})) {
      expect(JSON.stringify(program({ host: '127.0.0.1', port: 1 }, 'a-connection', 'a-secret'))).toContain('a-secret')
    }
  })
}

const describeRecognition = (descriptor: ProtocolDescriptor, { texts, settings = {} }: ConformanceFixture): void => {
  const recognise = (text: string): Recognition => descriptor.recognise(text, settings)
  beforeAll(() => descriptor.loadRecogniser())

  test.each(texts.map((text) => [text]))('recognises %j in the platform\'s terms', (text) => {
    sound(descriptor, text, recognise(text))
  })

  test('recognises anything, or says that it doesn\'t, and the same each time', () => {
    const pieces = fc.array(fc.oneof(fc.constantFrom(...texts), fc.string({ maxLength: 20, unit: 'binary' }), fc.constantFrom('\0', '\n', ';', '\'', '"', '$', '(', ')', '\\', '\u2028')), { maxLength: 6 }).map((parts) => parts.join(''))
    fc.assert(fc.property(pieces, (text) => {
      const recognition = recognise(text)
      sound(descriptor, text, recognition)
      expect(recognise(text)).toEqual(recognition)
      expect(structuredClone(recognition)).toEqual(recognition)
    }), { numRuns: 200 })
  })

  test('what can\'t be given to the recogniser is unrecognised, and says why', () => {
    const recognition = descriptor.unrecognised('some text', 'it took too long')
    sound(descriptor, 'some text', recognition)
    expect(recognition).toMatchObject({ class: 'unrecognised', provenRead: false, alwaysAllowed: false, problem: expect.stringContaining('it took too long') })
  })
}

/** What holds of every recognition. */
const sound = ({ actions, facts }: ProtocolDescriptor, text: string, recognition: Recognition): void => {
  const { effects, literals } = recognition
  expect(effects.length).toBeGreaterThan(0)
  for (const effect of effects) {
    expect(Object.keys(actions)).toContain(effect.action)
    expect(strictness[effect.class]).toBeGreaterThanOrEqual(strictness[actions[effect.action]!])
    for (const [name, fact] of Object.entries(effect.facts)) expect({ name, type: facts[name], fits: facts[name] !== undefined && isOf(facts[name], fact) }).toMatchObject({ fits: true })
  }
  expect(Math.max(...effects.map((effect) => strictness[effect.class]))).toBe(strictness[recognition.class])
  expect(effects.some((effect) => effect.action === recognition.action && effect.class === recognition.class)).toBe(true)
  expect(recognition.fingerprint).not.toBe('')
  if (recognition.provenRead) expect(strictness[recognition.class]).toBeLessThanOrEqual(strictness.read)
  if (recognition.class === 'unrecognised') expect(recognition.problem ?? '').not.toBe('')
  let last = 0
  for (const [from, to] of literals) {
    expect(from).toBeGreaterThanOrEqual(last)
    expect(to).toBeGreaterThanOrEqual(from)
    last = to
  }
  expect(last).toBeLessThanOrEqual(Buffer.byteLength(text))
}

const describeSession = (descriptor: ProtocolDescriptor, { greetings }: ConformanceFixture): void => {
  const greeting = fc.constantFrom(...greetings).chain((bytes) => fc.tuple(fc.constant(Buffer.from(bytes)), fc.nat(bytes.length), fc.uint8Array({ maxLength: 64 })))
    .map(([bytes, at, change]) => Buffer.concat([bytes.subarray(0, at), change, bytes.subarray(Math.min(bytes.length, at + change.length))]))
  const hostile = fc.oneof(fc.uint8Array({ maxLength: 2048 }).map((bytes) => Buffer.from(bytes)), greeting)

  test('whoever was not let in reaches nothing, whatever he sends and however it is cut', async () => {
    await fc.assert(fc.asyncProperty(hostile, fc.array(fc.nat(2048), { maxLength: 5 }), async (bytes, cuts) => {
      const watched = watchedHost(keysOf(descriptor))
      await feed(descriptor, watched, bytes, cuts)
      expect(watched.reached()).toEqual([])
      expect(watched.sent.client).toBeLessThanOrEqual(UNADMITTED_BYTES_MAX)
      expect(watched.sent.target).toBe(0)
      expect(watched.thrown.filter((thrown) => !(thrown instanceof Refusal))).toEqual([])
    }), { numRuns: 60 })
  }, 60_000)

  test.each(CODES)('it can be ended at any moment with "%s", twice, and is still then', async (code) => {
    for (const bytes of [new Uint8Array(), ...greetings]) {
      const watched = watchedHost(keysOf(descriptor))
      const session = descriptor.createSession(watched.host)
      await watched.settle(session.receive('client', Buffer.from(bytes)))
      session.terminate(new Refusal(code, 'it must end'))
      const sent = watched.sent.client
      session.terminate(new Refusal(code, 'it must end'))
      await watched.settle(session.receive('client', Buffer.from('more')))
      await watched.settle(session.end('client'))
      expect(session.cancel()).toBeUndefined()
      expect(watched.sent.client).toBe(sent)
      expect(watched.reached()).toEqual([])
    }
  })
}

const keys = new Map<string, readonly string[]>()
const keysOf = ({ name, serverKeyMakers = {} }: ProtocolDescriptor): readonly string[] => {
  const made = keys.get(name) ?? Object.values(serverKeyMakers).map((make) => make())
  keys.set(name, made)
  return made
}

const feed = async (descriptor: ProtocolDescriptor, watched: WatchedHost, bytes: Buffer, cuts: readonly number[]): Promise<void> => {
  const session = descriptor.createSession(watched.host)
  const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]
  for (let index = 1; index < at.length; index += 1) await watched.settle(() => session.receive('client', bytes.subarray(at[index - 1], at[index])))
  await watched.settle(() => session.end('client'))
}
