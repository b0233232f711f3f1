import { describe, expect, test } from '@jest/globals'
import type { Client } from 'ssh2'
import { MemoryHost } from './memory-host.js'

interface Innards {
  readonly _packetRW: { readonly write: { readonly allocStart: number; alloc(bytes: number): Buffer; finalize(packet: Buffer): Buffer } }
  readonly _cipher: { encrypt(packet: Buffer): void }
}

const GLOBAL_REQUEST = 80

/** Asks whether the gateway is there, and wants to be told. */
const keepAlive = (client: Client): void => {
  const { _packetRW: { write }, _cipher } = (client as unknown as { readonly _protocol: Innards })._protocol
  const name = Buffer.from('keepalive@openssh.com')
  const body = Buffer.concat([Buffer.from([GLOBAL_REQUEST, 0, 0, 0, name.length]), name, Buffer.from([1])])
  const packet = write.alloc(body.length)
  packet.set(body, write.allocStart)
  _cipher.encrypt(write.finalize(packet))
}

describe('a client that asks and asks, and reads no answer', () => {
  test('is not read any more once much of what it was told waits to be sent', async () => {
    const host = new MemoryHost((target) => void target.on('session', () => undefined))
    const client = await host.connect()
    let drained: () => void = () => undefined
    const draining = new Promise<void>((resolve) => { drained = resolve })
    host.writable = () => draining
    const before = host.sent.client
    for (let count = 0; count < 50_000; count += 1) {
      keepAlive(client)
      if (count % 1000 === 0) await new Promise((resolve) => { setImmediate(resolve) })
    }
    expect(host.sent.client - before).toBeLessThan(1024 * 1024)
    const held = host.sent.client
    host.writable = () => undefined
    drained()
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => { setImmediate(resolve) })
    expect(host.ended).toBeUndefined()
    expect(host.sent.client).toBeGreaterThan(held)
  }, 60_000)
})
