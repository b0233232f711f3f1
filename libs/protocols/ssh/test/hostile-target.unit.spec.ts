import { describe, expect, test } from '@jest/globals'
import type { Connection } from 'ssh2'
import { MemoryHost } from './memory-host.js'

const MEBIBYTE = 1024 * 1024

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => { setImmediate(resolve) })
}

/** Logs in to a target that is no SSH server but says these bytes again and again. Answers why the session ended. */
const against = async (said: Buffer, times: number): Promise<MemoryHost> => {
  const host = new MemoryHost()
  const connecting = host.connect().then(() => undefined, () => undefined)
  await settle()
  for (let time = 0; time < times && host.ended === undefined; time += 1) {
    host.target.write(said)
    if (time % 16 === 0) await settle()
  }
  await settle()
  await connecting
  return host
}

describe('a target that never comes to the point', () => {
  test.each([
    ['greeting lines without end', Buffer.from(`${'welcome '.repeat(100)}\r\n`), 10_000],
    ['one line without end', Buffer.alloc(16 * 1024, 'x'), 1000],
    ['noise', Buffer.concat([Buffer.from('SSH-2.0-noise\r\n'), Buffer.alloc(64 * 1024, 0xff)]), 100],
    ['another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 10_000],
  ])('%s', async (_what, said, times) => {
    const host = await against(said, times)
    expect(host.ended).toMatchObject({ code: 'target-failed' })
    expect(host.opened).toEqual([])
  })

  test('it hangs up in the middle of the log-in: the client is told', async () => {
    const host = new MemoryHost()
    const failed = host.connect().then(() => undefined, (error: Error) => error)
    await settle()
    host.target.write('SSH-2.0-short\r\n')
    await settle()
    host.target.end()
    const error = await failed
    expect(error?.message).toMatch(/target/)
    expect(host.opened).toEqual([])
  })
})

describe('a target that floods', () => {
  /** Writes as fast as its window lets it. */
  const flood = (client: Connection): void => {
    client.on('session', (accept) => void accept().on('exec', (acceptExec) => {
      const channel = acceptExec()
      channel.on('error', () => undefined)
      const block = Buffer.alloc(MEBIBYTE, 'flood ')
      const more = (): void => {
        while (channel.write(block));
        channel.once('drain', more)
      }
      more()
    }))
  }

  test('a client that doesn\'t read holds it up: little is taken from it', async () => {
    const host = new MemoryHost(flood)
    const client = await host.connect()
    let got = 0
    await new Promise<void>((resolve) => {
      client.exec('yes', (_error, channel) => {
        // It takes one piece, then no more.
        channel.once('data', (chunk: Buffer) => {
          got += chunk.length
          channel.pause()
          resolve()
        })
      })
    })
    for (let turn = 0; turn < 50; turn += 1) await settle()
    expect(got).toBeGreaterThan(0)
    expect(host.ended).toBeUndefined()
    // Its own window of 2 MiB, ours, and what is on the way.
    expect(host.sent.client).toBeLessThan(6 * MEBIBYTE)
  })

  test('channels that nobody asked for are refused', async () => {
    const host = new MemoryHost((client) => {
      client.once('session', (accept) => {
        accept()
        for (let count = 0; count < 200; count += 1) {
          client.forwardOut('127.0.0.1', 1, '127.0.0.1', 2, () => undefined)
          client.x11('127.0.0.1', 3, () => undefined)
        }
      })
    })
    const client = await host.connect()
    client.exec('id', () => undefined)
    await settle()
    await settle()
    expect(host.ended).toBeUndefined()
    expect(host.operations.map(({ recognition }) => recognition.action)).toEqual(['ssh.inspect'])
  })
})
