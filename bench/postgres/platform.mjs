// The platform as it ships: `up --processes`, its services with their own NATS permissions, on data that is synced to disk.
import { applyDirectory, createApi } from '@sallyport/cli'
import { protocols } from '@sallyport/protocols'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { findProcess } from './processes.mjs'

const root = path.resolve(import.meta.dirname, '../..')
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })

const tokenFor = async (issuer, name) => {
  const response = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials', client_id: name, client_secret: `${name}-secret` }) })
  if (!response.ok) throw new Error(`no token for ${name}: ${response.status} ${await response.text()}`)
  return (await response.json()).access_token
}

const untilReady = async (child, file, said) => {
  for (const deadline = performance.now() + 120_000; !existsSync(file);) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`the platform did not come up:\n${said()}`)
    }
    await sleep(50)
  }
  return JSON.parse(readFileSync(file, 'utf8'))
}

const configure = async (dir, endpoints, target) => {
  const configuration = path.join(dir, 'configuration')
  cpSync(path.join(import.meta.dirname, 'configuration'), configuration, { recursive: true })
  const connections = path.join(configuration, 'connections.yaml')
  writeFileSync(connections, readFileSync(connections, 'utf8').replaceAll('TARGET_PORT', String(target.server.port)))
  const admin = createApi(endpoints.api, await tokenFor(endpoints.issuer, 'ada'))
  await applyDirectory(admin, { dir: configuration, dryRun: false, prune: false, env: { BENCH_PASSWORD: target.password } })
}

const listens = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('connect', () => resolve(true)).on('error', () => resolve(false)).on('connect', () => socket.destroy())
})

/** Ends the proxy: `up` starts it again. Answers the new process when it listens. */
const restarted = async (pid, port) => {
  process.kill(pid, 'SIGTERM')
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await sleep(100)) {
    const next = findProcess(`SALLYPORT_POSTGRES_PORT=${port}`, 'connection-proxy')
    if (next !== undefined && next !== pid && await listens(port)) return next
  }
  throw new Error('the proxy did not come back')
}

/** Starts it and applies the configuration. `certificate`: what the listener shows to clients that ask for TLS. */
export const startPlatform = async (dir, target, certificate) => {
  const data = path.join(dir, 'platform')
  mkdirSync(data, { mode: 0o711 })
  const readyFile = path.join(dir, 'ready.json')
  const ports = Object.fromEntries(['API', 'ISSUER', ...protocols.map(({ name }) => name.toUpperCase())].map((name) => [`SALLYPORT_${name}_PORT`, '0']))
  const child = spawn(process.execPath, [path.join(root, 'apps/standalone/dist/main.js'), '--processes', '--data', data, '--ready-file', readyFile], {
    env: { ...process.env, ...ports, SALLYPORT_LOG_LEVEL: 'warn', SALLYPORT_TLS_CERT_FILE: certificate.cert, SALLYPORT_TLS_KEY_FILE: certificate.key },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { said += chunk })
  const endpoints = await untilReady(child, readyFile, () => said)
  const stop = async () => {
    if (child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  try {
    await configure(dir, endpoints, target)
    const { host, port } = endpoints.listeners.postgres
    const end = async (name) => ({ host, port, user: name, password: await tokenFor(endpoints.issuer, 'coding-agent'), database: 'bench' })
    const auditor = async () => createApi(endpoints.api, await tokenFor(endpoints.issuer, 'iris'))
    const processes = { ...endpoints.processes }
    const restartProxy = async () => {
      processes['proxy-1'] = await restarted(processes['proxy-1'], port)
      return processes['proxy-1']
    }
    return { endpoints, end, auditor, stop, processes, restartProxy }
  } catch (error) {
    await stop()
    throw error
  }
}
