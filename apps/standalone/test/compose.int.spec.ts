import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { freePort, startNats, startPostgres, temporaryDir, waitFor, type EmbeddedNats, type EmbeddedPostgres } from '@sallyport/testing'
import pg from 'pg'
import { parse } from 'yaml'
import { compile, root, tokenOf } from './platform-process.js'

interface Service {
  readonly image?: string
  readonly build?: { readonly args: { readonly APP: string } }
  readonly command?: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
}

/** Where the services' files are; see deploy/check-image.sh. */
const image = process.env['SALLYPORT_IMAGE_ROOT'] ?? root
const compose = parse(readFileSync(path.join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as { services: Record<string, Service> }
const ours = Object.entries(compose.services).filter(([, service]) => service.build !== undefined)

const dir = temporaryDir('compose')
const children: ChildProcess[] = []
let nats: EmbeddedNats
let postgres: EmbeddedPostgres
let variables: Record<string, string>
let hosts: Record<string, string>
const httpPorts = new Map<string, number>()
const outputs = new Map<string, string>()

/** As compose does: `${NAME:-default}`. Unknown ones are faults here. */
const substitute = (text: string): string => text.replaceAll(/\$\{(\w+)(?::-([^}]*))?\}/g, (_whole, name: string) => {
  const value = variables[name]
  if (value === undefined) throw new Error(`deploy/compose/make-env.mjs makes no ${name}`)
  return value
})
const onLoopback = (text: string): string => Object.entries(hosts).reduce((result, [from, to]) => result.replaceAll(from, to), substitute(String(text)))
const environmentOf = (service: Service): Record<string, string> =>
  Object.fromEntries(Object.entries(service.environment).map(([name, value]) => [name, onLoopback(value)]))

const run = (name: string, service: Service): void => {
  const port = httpPorts.get(name)!
  const environment = environmentOf(service)
  const [program, ...args] = service.command!
  expect(program).toBe('node')
  const child = spawn(process.execPath, args, {
    cwd: image,
    env: {
      PATH: process.env['PATH']!, ...environment,
      ...('SALLYPORT_HTTP_PORT' in environment ? { SALLYPORT_HTTP_HOST: '127.0.0.1', SALLYPORT_HTTP_PORT: String(port) } : {}),
      ...('SALLYPORT_ISSUER_PORT' in environment ? { SALLYPORT_ISSUER_PORT: String(port) } : {}),
      ...('SALLYPORT_POSTGRES_PORT' in environment ? { SALLYPORT_POSTGRES_PORT: '0' } : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => outputs.set(name, (outputs.get(name) ?? '') + chunk.toString()))
}

beforeAll(async () => {
  compile()
  mkdirSync(dir)
  const made = execFileSync(process.execPath, [path.join(root, 'deploy/compose/make-env.mjs')], { cwd: root, encoding: 'utf8' })
  variables = Object.fromEntries([...made.matchAll(/^(\w+)='(.*)'$/gm)].map((match) => [match[1]!, match[2]!]))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-keyout', `${dir}/proxy.key`, '-out', `${dir}/proxy.crt`], { stdio: 'pipe' })
  hosts = {}
  const shipped = readFileSync(path.join(root, 'deploy/nats/nats.conf'), 'utf8')
  nats = await startNats({ dataDir: temporaryDir('nats'), ephemeral: true, config: shipped.slice(shipped.indexOf('authorization {')), env: environmentOf(compose.services['nats']!) })
  postgres = await startPostgres({ dataDir: temporaryDir('postgres'), ephemeral: true })
  await initialiseDatabase()
  for (const [name] of ours) httpPorts.set(name, await freePort())
  hosts = {
    'nats:4222': `127.0.0.1:${nats.port}`,
    '@postgres:5432': `@127.0.0.1:${postgres.port}`,
    'dev-idp:7301': `127.0.0.1:${httpPorts.get('dev-idp')}`,
    '/run/sallyport/': `${dir}/`,
    '/var/lib/sallyport/': `${dir}/state/`,
  }
  for (const [name, service] of ours) run(name, service)
})

/** Runs the image's init script as the image would. */
const initialiseDatabase = async (): Promise<void> => {
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  await client.query('create database sallyport')
  await client.end()
  execFileSync('sh', [path.join(root, 'deploy/postgres/init.sh')], {
    env: { ...process.env, ...environmentOf(compose.services['postgres']!), PGHOST: '127.0.0.1', PGPORT: String(postgres.port), PGPASSWORD: new URL(postgres.url).password },
    stdio: 'pipe',
  })
}

afterAll(async () => {
  await Promise.all(children.map((child) => new Promise<void>((resolve) => {
    if (child.exitCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })))
  await Promise.all([nats.stop(), postgres.stop()])
  rmSync(dir, { recursive: true, force: true })
})

describe('docker-compose.yml', () => {
  it('has every service, each from its own image', () => {
    expect(ours.map(([, service]) => service.build!.args.APP).sort()).toEqual(['api', 'approval', 'audit-store', 'connection-proxy', 'dev-idp', 'masking', 'policy-decision'])
    for (const [, service] of ours) expect(service.command!.join(' ')).toContain(`apps/${service.build!.args.APP}/dist/main.js`)
  })

  it.each(ours.map(([name]) => [name]))('%s becomes ready with the command and environment it has there', async (name) => {
    const url = `http://127.0.0.1:${httpPorts.get(name)}/readyz`
    await waitFor(async () => (await fetch(url)).ok, { timeoutMs: 40_000, what: `${name} being ready` }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${outputs.get(name) ?? '(no output)'}`)
    })
  })

  it('the API believes the development issuer', async () => {
    const token = await tokenOf(`http://127.0.0.1:${httpPorts.get('dev-idp')}`, 'ada')
    const response = await fetch(`http://127.0.0.1:${httpPorts.get('api')}/v1/connections`, { headers: { authorization: `Bearer ${token}` } })
    expect(response.status).toBe(200)
  })

  it('publishes ports on loopback only', () => {
    const published = Object.values(compose.services).flatMap((service) => service.ports ?? [])
    expect(published.length).toBeGreaterThan(0)
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:/)
  })

  it('without passwords and keys no service starts', async () => {
    const [, proxy] = ours.find(([name]) => name === 'proxy-1')!
    const blank = Object.fromEntries(Object.entries(proxy.environment).map(([name, value]) => [name, String(value).replaceAll(/\$\{[^}]*\}/g, '')]))
    const child = spawn(process.execPath, [...proxy.command!.slice(1)], { cwd: root, env: { PATH: process.env['PATH']!, ...blank }, stdio: 'ignore' })
    children.push(child)
    expect(await new Promise((resolve) => { child.once('exit', resolve) })).toBe(1)
  })
})
