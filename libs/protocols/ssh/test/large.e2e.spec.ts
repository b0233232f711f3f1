import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Gateway, POLICIES } from './gateway.js'
import { Sshd } from './sshd.js'

const MEBIBYTE = 1024 * 1024
/** 1024 in the long run. */
const MEBIBYTES = Number(process.env['SALLYPORT_TEST_LARGE_MIB'] ?? 96)

let sshd: Sshd
let gateway: Gateway
let token: string

beforeAll(async () => {
  ;[sshd, gateway] = await Promise.all([Sshd.start(), Gateway.start()])
  await gateway.platform.policy('test', POLICIES)
  await gateway.connectTo('build-host', sshd)
  token = await gateway.platform.agentToken()
}, 60_000)

afterAll(async () => {
  await gateway?.stop()
  await sshd?.stop()
})

/** What this process, in which the gateway runs, holds in buffers and objects at most beyond what it had, while something is done. What it has of the system besides is its allocator's. */
const memoryOf = async (work: () => Promise<void>): Promise<number> => {
  const held = (): number => {
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    return arrayBuffers + heapUsed
  }
  const before = held()
  let most = before
  const timer = setInterval(() => { most = Math.max(most, held()) }, 20)
  await work()
  clearInterval(timer)
  return most - before
}

describe('much output', () => {
  test('to a client that reads slowly: all of it arrives, in bounded memory', async () => {
    const child = gateway.spawn(token, ['build-host@127.0.0.1', `head -c ${MEBIBYTES * MEBIBYTE} /dev/zero`])
    child.stdin!.end()
    let got = 0
    const digest = createHash('sha256')
    const memory = await memoryOf(() => new Promise((resolve) => {
      const out = child.stdout!
      let sincePause = 0
      out.on('data', (chunk: Buffer) => {
        got += chunk.length
        sincePause += chunk.length
        digest.update(chunk)
        if (sincePause < 8 * MEBIBYTE) return
        sincePause = 0
        out.pause()
        setTimeout(() => out.resume(), 150)
      })
      child.once('close', () => resolve())
    }))
    expect(got).toBe(MEBIBYTES * MEBIBYTE)
    expect(memory).toBeLessThan(160 * MEBIBYTE)
    await gateway.platform.settled()
    const [command] = await gateway.platform.commands({ connection: 'build-host', text: 'head -c' })
    expect(command?.finish).toMatchObject({ outcome: 'completed', bytesOut: got, digest: digest.digest('hex') })
  }, 300_000)

  test('much input: all of it arrives, in bounded memory', async () => {
    const child = gateway.spawn(token, ['build-host@127.0.0.1', 'sha256sum'])
    let text = ''
    child.stdout!.on('data', (chunk: Buffer) => { text += chunk.toString() })
    const piece = Buffer.alloc(MEBIBYTE, 'in')
    const digest = createHash('sha256')
    const memory = await memoryOf(async () => {
      const closed = new Promise<void>((resolve) => void child.once('close', () => resolve()))
      for (let sent = 0; sent < MEBIBYTES; sent += 1) {
        digest.update(piece)
        if (!child.stdin!.write(piece)) await new Promise((resolve) => void child.stdin!.once('drain', resolve))
      }
      child.stdin!.end()
      await closed
    })
    expect(text.split(' ')[0]).toBe(digest.digest('hex'))
    expect(memory).toBeLessThan(160 * MEBIBYTE)
  }, 300_000)
})
