import { describe, expect, it } from '@jest/globals'
import { Refusal } from '@sallyport/protocol-kit'
import fc from 'fast-check'
import { int16, int32, message, query } from '../src/codec/encode.js'
import { clientMessage } from './wire-client.js'
import { MemoryHost, typesOf } from './memory-host.js'

const frames = (types: string): fc.Arbitrary<Buffer> =>
  fc.tuple(fc.constantFrom(...types), fc.uint8Array({ maxLength: 30 })).map(([type, body]) => message(type.charCodeAt(0), Buffer.from(body)))

const serverBytes = fc.oneof(
  { weight: 5, arbitrary: frames('RKSZTtnDCIE123sGHWdcNAV!') },
  { weight: 4, arbitrary: fc.constantFrom(
    message(84, int16(1), 'a', int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)), message(68, int16(1), int32(1), Buffer.from('x')), message(67, 'SELECT 1'),
    message(90, Buffer.from('I')), message(69, Buffer.from('SERROR\0C42601\0Mwrong\0\0')), message(49), message(50), message(71, Buffer.from([0, 0, 1, 0, 0])),
  ) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)) },
)

const clientBytes = fc.oneof(
  { weight: 4, arbitrary: frames('QPBDECSHFdcfXp!') },
  { weight: 6, arbitrary: fc.constantFrom(
    query('select'), query('write'), clientMessage('Parse', ['', 'select']), clientMessage('Parse', ['a', 'write']), clientMessage('Bind', ['', '']), clientMessage('Bind', ['p', 'a', 'x']),
    clientMessage('Execute', ['']), clientMessage('Execute', ['p', 1]), clientMessage('Describe', ['P', '']), clientMessage('Describe', ['S', 'a']), clientMessage('Close', ['P', 'p']),
    clientMessage('Sync', []), clientMessage('Flush', []), clientMessage('CopyData', ['x']), clientMessage('CopyDone', []),
  ) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)) },
)

/** What a session does with the bytes; undefined when it goes on, the refusal when it ended. Anything else is a defect. */
const feed = async (run: () => void | Promise<void>): Promise<Refusal | undefined> => {
  try {
    await Promise.race([run(), new Promise((resolve) => setTimeout(resolve, 20))])
    return undefined
  } catch (error) {
    if (error instanceof Refusal && !(error.cause instanceof TypeError || error.cause instanceof RangeError || error.cause instanceof ReferenceError)) return error
    throw error
  }
}

describe('hostile peers', () => {
  it('a target may send anything: the client gets whole messages, and FATAL at the end', async () => {
    await fc.assert(fc.asyncProperty(fc.array(clientBytes, { maxLength: 6 }), fc.array(serverBytes, { maxLength: 12 }), async (sent, answers) => {
      const host = new MemoryHost()
      await host.open()
      for (const bytes of sent) if (await feed(() => host.client(bytes)) !== undefined) return
      for (const bytes of answers) {
        const refusal = await feed(() => host.target(bytes))
        const types = typesOf(host.toClient)
        expect(types.includes('?') && refusal === undefined && host.toClient.length === 0).toBe(false)
        if (refusal === undefined) continue
        expect(types.endsWith('E') || types.endsWith('?')).toBe(true)
        expect(host.outcomes.length).toBe(host.operations.length)
        return
      }
    }), { numRuns: 300 })
  }, 60_000)

  it('a client may send anything: the target gets whole, known messages only', async () => {
    await fc.assert(fc.asyncProperty(fc.array(clientBytes, { maxLength: 12 }), fc.integer({ min: 1, max: 40 }), async (sent, size) => {
      const host = new MemoryHost()
      await host.open()
      const all = Buffer.concat(sent)
      for (let at = 0; at < all.length; at += size) {
        const refusal = await feed(() => host.client(Buffer.from(all.subarray(at, at + size))))
        if (refusal !== undefined) {
          expect(typesOf(host.toClient).endsWith('E')).toBe(true)
          break
        }
      }
      expect(typesOf(host.toTarget)).toMatch(/^[QPBDECSHFdcfX]*$/)
      for (const chunk of host.toTarget) expect(chunk.length).toBeGreaterThan(4)
    }), { numRuns: 300 })
  }, 60_000)

  it('nothing reaches a target before the client was admitted', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.oneof(clientBytes, fc.constant(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])), fc.constant(Buffer.from([0, 0, 0, 8, 4, 210, 22, 48]))), { maxLength: 8 }), async (sent) => {
      const host = new MemoryHost()
      for (const bytes of sent) if (await feed(() => host.client(bytes)) !== undefined) break
      if (host.admitted === 0) expect(host.toTarget).toEqual([])
    }), { numRuns: 200 })
  }, 60_000)
})
