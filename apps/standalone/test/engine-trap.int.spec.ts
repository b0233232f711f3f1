import { spawn, type ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { afterEach, beforeAll, expect, it } from '@jest/globals'
import { decide, type DecideRequest } from '@sallyport/contracts/policy'
import { freshBus, freshDatabase, startNats, temporaryDir, waitFor } from '@sallyport/testing'
import { compile, isRunning, root, startUp, tokenOf } from './platform-process.js'

/** EX_SOFTWARE of sysexits.h: it can't go on, and is to be started again. */
const BROKEN_STATUS = 70
/** Where Node's inspector listens when SIGUSR1 opens it. */
const INSPECTOR = 'http://127.0.0.1:9229/json/list'
const CEDAR = createRequire(path.join(root, 'libs/policy-engine/package.json')).resolve('@cedar-policy/cedar-wasm/nodejs')
/** Far more brackets than any policy may have: Cedar's parser exhausts its stack. */
const TRAP = `{
  const cedar = process.getBuiltinModule('node:module').createRequire(${JSON.stringify(CEDAR)})(${JSON.stringify(CEDAR)})
  try { cedar.policyToJson('permit(principal, action, resource) when { ' + '('.repeat(20000) + 'true' + ')'.repeat(20000) + ' };'); 'nothing happened' } catch (error) { error.name }
}`

const endings: (() => unknown)[] = []
beforeAll(compile)
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

/** No policy that is let in can break Cedar, so it is broken from within, by a debugger: the process runs what is shipped. Answers what was thrown. */
const breakCedar = async (pid: number): Promise<unknown> => {
  process.kill(pid, 'SIGUSR1')
  const url = await waitFor(async () => {
    const list = await fetch(INSPECTOR).then((response) => response.json() as Promise<{ webSocketDebuggerUrl: string }[]>, () => [])
    return list[0]?.webSocketDebuggerUrl
  }, { what: 'the inspector' })
  const socket = new WebSocket(url)
  const answer = new Promise<string>((resolve, reject) => {
    socket.addEventListener('message', ({ data }) => resolve(String(data)))
    socket.addEventListener('error', () => reject(new Error('the inspector does not answer')))
  })
  socket.addEventListener('open', () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: TRAP } })))
  const { result } = JSON.parse(await answer) as { result: { result: { value?: unknown } } }
  socket.close()
  return result.result.value
}

const ask: DecideRequest = {
  principal: { kind: 'agent', issuer: 'development', subject: 'coding-agent', uid: 'coding-agent', groups: ['ai-agents'], owner: 'alice', chain: [] },
  connection: { name: 'orders', protocol: 'postgres', labels: {}, revision: 1 },
  effects: [{ action: 'sql.select', class: 'read', facts: {} }],
  circumstances: { sourceAddress: '127.0.0.1', grants: [] },
}

const exitOf = (child: ChildProcess): Promise<number | null> => new Promise((resolve) => { child.once('exit', resolve) })

it('when Cedar\'s WebAssembly traps, the process that decides ends with status 70', async () => {
  const nats = await startNats({ dataDir: temporaryDir('nats'), ephemeral: true })
  endings.push(() => nats.stop())
  const bus = await freshBus('api', { url: nats.url })
  endings.push(() => bus.close())
  await bus.ensureEventStream()
  const child = spawn(process.execPath, [path.join(root, 'apps/policy-decision/dist/main.js')], {
    env: { PATH: process.env['PATH'], SALLYPORT_NATS_URL: nats.url, SALLYPORT_DATABASE_URL: await freshDatabase(), SALLYPORT_LOG_LEVEL: 'fatal', SALLYPORT_HTTP_PORT: '0' }, stdio: 'ignore',
  })
  const exit = exitOf(child)
  endings.push(() => child.kill('SIGKILL'))
  const outcome = () => bus.call(decide, ask).then((reply) => reply.outcome, (error: Error) => error.name)
  await waitFor(async () => await outcome() === 'deny', { timeoutMs: 30_000, what: 'the service deciding' })
  expect(await breakCedar(child.pid!)).toMatch(/^(?:RuntimeError|RangeError)$/)
  // Not an answer about the policies: nobody may take it as one.
  expect(await outcome()).toBe('RpcError')
  expect(await exit).toBe(BROKEN_STATUS)
})

it('under up --processes it is started again, and decides', async () => {
  const up = startUp(['--processes'])
  endings.push(async () => { up.child.kill('SIGTERM'); await up.exit() })
  const { api, issuer, processes } = await up.ready()
  const rest = async (as: string, method: string, route: string, body: object): Promise<Response> =>
    fetch(`${api}${route}`, { method, headers: { authorization: `Bearer ${await tokenOf(issuer, as)}`, 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const connection = { labels: {}, spec: { protocol: 'postgres', target: { host: '127.0.0.1', port: 5432 }, credentials: { username: 'app' } } }
  expect((await rest('ada', 'PUT', '/v1/connections/orders', connection)).status).toBe(200)
  expect((await rest('ada', 'PUT', '/v1/policies/all', { text: '@id("all") permit (principal, action, resource);' })).status).toBe(200)
  const explained = async (): Promise<string | undefined> => {
    const response = await rest('alice', 'POST', '/v1/policies/explain', { connection: 'orders', effects: [{ action: 'sql.select' }] })
    return response.ok ? (await response.json() as { outcome: string }).outcome : undefined
  }
  await waitFor(async () => await explained() === 'allow', { what: 'the first decision' })
  const pid = processes['policy-decision']!
  expect(await breakCedar(pid)).toMatch(/^(?:RuntimeError|RangeError)$/)
  expect(await explained()).toBeUndefined()
  await waitFor(() => !isRunning(pid), { what: 'the end of the broken process' })
  await waitFor(async () => await explained() === 'allow', { timeoutMs: 30_000, what: 'a decision of the new process' })
  expect(up.output()).toContain('policy-decision ended unexpectedly')
})
