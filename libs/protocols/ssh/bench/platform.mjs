// The platform as it ships: `up --processes`, its services with their own NATS permissions, on data that is synced to disk.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../../../..')
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })
const START_DEADLINE_MS = 120_000
const SETTLE_MS = 60_000

const tokenFor = async (issuer, name) => {
  const response = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials', client_id: name, client_secret: `${name}-secret` }) })
  if (!response.ok) throw new Error(`no token for ${name}: ${response.status} ${await response.text()}`)
  return (await response.json()).access_token
}

const createApi = (url, token) => {
  const request = (method) => async (path, body) => {
    const response = await fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  return { get: request('GET'), post: request('POST') }
}

/** The configuration for this target, in a directory of its own. */
const configurationFor = (dir, sshd) => {
  const configuration = path.join(dir, 'configuration')
  cpSync(path.join(import.meta.dirname, 'configuration'), configuration, { recursive: true })
  const connections = path.join(configuration, 'connections.yaml')
  writeFileSync(connections, readFileSync(connections, 'utf8').replaceAll('TARGET_PORT', String(sshd.port)).replaceAll('TARGET_USER', sshd.username).replaceAll('TARGET_HOST_KEY', sshd.hostKey))
  return configuration
}

/** Sessions since then, all of them ended and with at least so many commands, when the log has them. */
const sessionsSince = async (auditor, from, commands) => {
  for (const deadline = performance.now() + SETTLE_MS; ; await sleep(50)) {
    const { items } = await auditor.get(`/v1/sessions?${new URLSearchParams({ connection: 'bench-host', from, limit: '200' })}`)
    if (items.length > 0 && items.every(({ status }) => status === 'closed') && items.reduce((sum, each) => sum + each.commands, 0) >= commands) return items
    if (performance.now() > deadline) throw new Error(`the log lacks something: ${JSON.stringify(items)}`)
  }
}

/** Starts it, applies the configuration, registers the agent's key. */
export const startPlatform = async (dir, sshd) => {
  const data = path.join(dir, 'platform')
  mkdirSync(data, { mode: 0o711 })
  const readyFile = path.join(dir, 'ready.json')
  const ports = Object.fromEntries(['API', 'ISSUER', 'POSTGRES', 'SSH'].map((name) => [`SALLYPORT_${name}_PORT`, '0']))
  const child = spawn(process.execPath, [path.join(root, 'apps/standalone/dist/main.js'), '--processes', '--config', configurationFor(dir, sshd), '--data', data, '--ready-file', readyFile], {
    env: { ...process.env, ...ports, SALLYPORT_LOG_LEVEL: 'warn', BENCH_KEY: readFileSync(sshd.key, 'utf8') }, stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { said += chunk })
  const stop = async () => {
    if (child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  try {
    for (const deadline = performance.now() + START_DEADLINE_MS; !existsSync(readyFile); await sleep(50)) {
      if (child.exitCode !== null || performance.now() > deadline) throw new Error(`the platform did not come up:\n${said}`)
    }
    const endpoints = JSON.parse(readFileSync(readyFile, 'utf8'))
    const agent = createApi(endpoints.api, await tokenFor(endpoints.issuer, 'coding-agent'))
    await agent.post('/v1/credentials', { connection: 'bench-host', publicKey: readFileSync(`${sshd.key}.pub`, 'utf8').trim() })
    const auditor = async () => createApi(endpoints.api, await tokenFor(endpoints.issuer, 'iris'))
    /** What the log has of what was done: `{ session, … }` of each command, when all sessions are closed. */
    const logged = async (from, commandsMin) => {
      const api = await auditor()
      const sessions = await sessionsSince(api, from, commandsMin)
      const commands = []
      for (const { id } of sessions) commands.push(...(await api.get(`/v1/sessions/${id}/commands?limit=200`)).items)
      return { sessions, commands }
    }
    return { listener: endpoints.listeners.ssh, processes: endpoints.processes, auditor, logged, stop, said: () => said }
  } catch (error) {
    await stop()
    throw error
  }
}
