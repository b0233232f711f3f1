import { existsSync, rmSync, statSync } from 'node:fs'
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { temporaryDir, waitFor } from '@sallyport/testing'
import { compile, isRunning, startUp, tokenOf, type UpProcess } from './platform-process.js'

const running: UpProcess[] = []
beforeAll(compile)
afterEach(async () => {
  for (const up of running.splice(0)) {
    up.child.kill('SIGTERM')
    await up.exit()
  }
})
const start = (...args: Parameters<typeof startUp>): UpProcess => {
  const up = startUp(...args)
  running.push(up)
  return up
}
const connections = async (api: string, issuer: string, name: string): Promise<number> =>
  (await fetch(`${api}/v1/connections`, { headers: { authorization: `Bearer ${await tokenOf(issuer, name)}` } })).status

describe('up', () => {
  it('says where everything is when it answers, and leaves nothing behind on SIGTERM', async () => {
    const up = start()
    const endpoints = await up.ready()
    expect(await connections(endpoints.api, endpoints.issuer, 'ada')).toBe(200)
    expect((await fetch(`${endpoints.api}/v1/connections`)).status).toBe(401)
    expect(endpoints).toMatchObject({ nats: expect.stringMatching(/^nats:/), database: expect.stringMatching(/^postgres:/), listeners: { postgres: { host: '127.0.0.1' } } })
    expect(statSync(up.readyFile).mode & 0o077).toBe(0)
    expect(up.output()).toContain(endpoints.api)
    up.child.kill('SIGTERM')
    expect(await up.exit()).toBe(0)
    expect(Object.values(endpoints.processes).filter(isRunning)).toEqual([])
    expect(existsSync(up.readyFile)).toBe(false)
  })

  it('runs each service as a process, starts one again that was killed, and none survives it', async () => {
    const up = start(['--processes'])
    const { api, issuer, processes } = await up.ready()
    expect(Object.keys(processes).sort()).toEqual(['api', 'approval', 'audit-store', 'database', 'masking', 'nats', 'policy-decision', 'proxy-1'])
    process.kill(processes['api']!, 'SIGKILL')
    process.kill(processes['nats']!, 'SIGKILL')
    await waitFor(() => !isRunning(processes['api']!) && !isRunning(processes['nats']!))
    await waitFor(async () => await connections(api, issuer, 'ada') === 200, { timeoutMs: 30_000, what: 'the API' })
    up.child.kill('SIGKILL')
    await up.exit()
    await waitFor(() => !Object.values(processes).some(isRunning), { timeoutMs: 40_000, what: 'the end of what it had started' })
  })

  it('keeps its state with --data', async () => {
    const data = temporaryDir('data')
    try {
      const first = start(['--data', data])
      const { database } = await first.ready()
      first.child.kill('SIGTERM')
      expect(await first.exit()).toBe(0)
      const second = start(['--data', data])
      const again = await second.ready()
      expect(new URL(again.database).password).toBe(new URL(database).password)
      expect(await connections(again.api, again.issuer, 'ada')).toBe(200)
      second.child.kill('SIGTERM')
      expect(await second.exit()).toBe(0)
    } finally {
      rmSync(data, { recursive: true, force: true })
    }
  })

  it('refuses an unknown option and a port that is none, in one line', async () => {
    const unknown = start(['--frobnicate'])
    expect(await unknown.exit()).toBe(1)
    expect(unknown.output()).toMatch(/^sallyport: Unknown option '--frobnicate'/)
    const wrong = start([], { SALLYPORT_POSTGRES_PORT: 'many' })
    expect(await wrong.exit()).toBe(1)
    expect(wrong.output()).toContain('SALLYPORT_POSTGRES_PORT: a port is a number from 0 to 65535')
  })
})
