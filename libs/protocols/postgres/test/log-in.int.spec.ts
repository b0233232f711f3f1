import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { passThrough, type MaskPlan, type TargetAccess } from '@sallyport/protocol-kit'
import { freshDatabase } from '@sallyport/testing'
import pg from 'pg'
import { startupMessage } from '../src/codec/encode.js'
import { postgres } from '../src/index.js'
import { messages } from './differential.js'
import { SocketHost } from './socket-host.js'

let target: TargetAccess
let admin: pg.Client
const hosts: SocketHost[] = []

beforeAll(async () => {
  await postgres.loadRecogniser()
  const url = new URL(await freshDatabase())
  target = { host: url.hostname, port: Number(url.port), database: url.pathname.slice(1), username: decodeURIComponent(url.username), credential: { kind: 'password', secret: decodeURIComponent(url.password) }, tls: 'disable' }
  admin = new pg.Client({ connectionString: url.href })
  await admin.connect()
}, 120_000)

afterAll(async () => {
  await admin?.end()
  for (const host of hosts) await host.close()
})

const listening = async (mask?: () => MaskPlan): Promise<{ readonly host: SocketHost; readonly port: number }> => {
  const host = new SocketHost({ target, ...(mask === undefined ? {} : { mask }) })
  hosts.push(host)
  return { host, port: await host.listen() }
}

const hiding = (): MaskPlan => ({ outputs: [], freeText: (text) => text.replace(/[a-z0-9]+@example\.com/g, '[mail]'), touchesMasked: true, passesAll: false, stream: passThrough })
const detecting = (): MaskPlan => ({ ...hiding(), touchesMasked: false })

describe('every message instead of the password', () => {
  const others = Object.entries(messages).filter(([name]) => name !== 'Password')

  it('ends the log-in, and nothing behind it is looked at', async () => {
    const { host, port } = await listening()
    for (const [name, bytes] of others) {
      const socket = connect(port, '127.0.0.1')
      const heard: Buffer[] = []
      socket.on('data', (chunk: Buffer) => heard.push(chunk))
      socket.on('error', () => undefined)
      socket.write(Buffer.concat([startupMessage([['user', 'orders']]), bytes, messages['Password'] as Buffer, messages['Query a row'] as Buffer]))
      await new Promise((resolve) => { socket.once('close', resolve) })
      const said = Buffer.concat(heard).toString('latin1')
      expect([name, said.slice(0, 1), said.includes('VFATAL'), said.includes('C08P01')]).toEqual([name, 'R', true, true])
      expect([name, said.includes('SELECT 1')]).toEqual([name, false])
    }
    expect(host.claims).toEqual([])
    expect(host.commands).toEqual([])
  })
})

describe('what the target says while it lets somebody in, or doesn\'t', () => {
  const withTrigger = async (body: string, run: () => Promise<void>): Promise<void> => {
    await admin.query(`CREATE FUNCTION greet() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN ${body}; END$$; CREATE EVENT TRIGGER greet ON login EXECUTE FUNCTION greet()`)
    try {
      await run()
    } finally {
      await admin.query('DROP EVENT TRIGGER greet; DROP FUNCTION greet()')
    }
  }

  const said = async (port: number): Promise<string> => {
    const texts: string[] = []
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'orders', password: 'secret', database: 'orders' })
    client.on('error', () => undefined)
    client.on('notice', (notice) => texts.push(String(notice.message)))
    await client.connect().then(() => client.query('SELECT 1'), (error: Error) => texts.push(error.message))
    await client.end().catch(() => undefined)
    return texts.join()
  }

  it('is masked: notices and errors of a trigger', async () => {
    const { port } = await listening(detecting)
    await withTrigger('RAISE NOTICE \'last was ada@example.com\'', async () => { expect(await said(port)).toBe('last was [mail]') })
    await withTrigger('RAISE EXCEPTION \'not you, ada@example.com\'', async () => { expect(await said(port)).toBe('not you, [mail]') })
  })

  it('is hidden where columns are masked: it may be any value', async () => {
    const { host, port } = await listening(hiding)
    await withTrigger('RAISE NOTICE \'last was quokka7713\'', async () => { expect(await said(port)).toMatch(/^Sallyport: this text is hidden/) })
    await withTrigger('RAISE EXCEPTION \'not you, quokka7713\'', async () => { expect(await said(port)).toMatch(/its text is hidden/) })
    expect(JSON.stringify(host.failures.map(String))).not.toContain('quokka7713')
  })

  it('is masked where a setting of the start-up fails, for the client and for the record', async () => {
    const { host, port } = await listening(detecting)
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'orders', password: 'secret', database: 'orders', options: '-c work_mem=ada@example.com' } as pg.ClientConfig)
    client.on('error', () => undefined)
    await expect(client.connect()).rejects.toMatchObject({ message: expect.stringContaining('[mail]') })
    expect(host.commands.at(-1)?.outcome?.error?.message).toContain('[mail]')
  })
})
