import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createSecureContext } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { TargetAccess } from '@sallyport/protocol-kit'
import { startPostgres, temporaryDir, type EmbeddedPostgres } from '@sallyport/testing'
import pg from 'pg'
import { postgres } from '../src/index.js'
import { SocketHost, type HostOptions } from './socket-host.js'

let server: EmbeddedPostgres
let superuser: TargetAccess
let hba = ''
const hosts: SocketHost[] = []
const certificates = temporaryDir('certificates')

const admin = async (...statements: string[]): Promise<void> => {
  const db = new pg.Client({ connectionString: server.url })
  await db.connect()
  for (const statement of statements) await db.query(statement)
  await db.end()
}

/** Lines in front of the file's own. */
const allow = async (...lines: string[]): Promise<void> => {
  writeFileSync(hba, `${lines.join('\n')}\n${original}`)
  await admin('SELECT pg_reload_conf()')
  await new Promise((resolve) => setTimeout(resolve, 300))
}
let original = ''

const log = async ({ password, ...access }: Partial<TargetAccess> & { readonly password?: string | undefined }, options: Partial<HostOptions> = {}, more: pg.ClientConfig = {}): Promise<{ readonly user: string; readonly ssl: boolean; readonly host: SocketHost }> => {
  const host = new SocketHost({ target: { ...superuser, ...(password === undefined ? {} : { credential: { kind: 'password' as const, secret: password } }), ...access }, ...options })
  hosts.push(host)
  const port = await host.listen()
  const db = new pg.Client({ host: '127.0.0.1', port, user: 'orders', password: 'secret', database: 'orders', ...more })
  db.on('error', () => undefined)
  await db.connect()
  const { rows } = await db.query('SELECT current_user::text AS user, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
  await db.end()
  return { ...rows[0], host }
}

beforeAll(async () => {
  await postgres.loadRecogniser()
  mkdirSync(certificates, { recursive: true })
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-days', '2', '-keyout', path.join(certificates, 'key.pem'), '-out', path.join(certificates, 'cert.pem')], { stdio: 'ignore' })
  const dataDir = temporaryDir('upstream')
  server = await startPostgres({ dataDir, ephemeral: true })
  const url = new URL(server.url)
  superuser = { host: url.hostname, port: Number(url.port), database: url.pathname.slice(1), username: decodeURIComponent(url.username), credential: { kind: 'password', secret: decodeURIComponent(url.password) }, tls: 'disable' }
  const db = new pg.Client({ connectionString: server.url })
  await db.connect()
  hba = (await db.query('SHOW hba_file')).rows[0].hba_file
  const cluster = (await db.query('SHOW data_directory')).rows[0].data_directory
  await db.end()
  const owner = statSync(cluster)
  for (const [from, to] of [['cert.pem', 'server.crt'], ['key.pem', 'server.key']] as const) {
    copyFileSync(path.join(certificates, from), path.join(cluster, to))
    chownSync(path.join(cluster, to), owner.uid, owner.gid)
    chmodSync(path.join(cluster, to), 0o600)
  }
  original = readFileSync(hba, 'utf8')
  await admin(
    `SET password_encryption = 'scram-sha-256'`, `CREATE ROLE by_scram LOGIN PASSWORD 'pass scram'`, `CREATE ROLE by_trust LOGIN`, `CREATE ROLE by_password LOGIN PASSWORD 'pass plain'`,
    `SET password_encryption = 'md5'`, `CREATE ROLE by_md5 LOGIN PASSWORD 'pass md5'`, `CREATE ROLE tls_only LOGIN PASSWORD 'x'`, `CREATE ROLE plain_only LOGIN PASSWORD 'x'`,
    `ALTER SYSTEM SET ssl = on`,
  )
  await allow(
    'host all by_scram all scram-sha-256', 'host all by_trust all trust', 'host all by_password all password', 'host all by_md5 all md5',
    'hostssl all tls_only all md5', 'host all tls_only all reject', 'hostnossl all plain_only all md5', 'host all plain_only all reject',
  )
}, 120_000)

afterAll(async () => {
  for (const host of hosts) await host.close()
  await server.stop()
})

describe('logging in at the target', () => {
  it.each([['by_scram', 'pass scram'], ['by_trust', undefined], ['by_password', 'pass plain'], ['by_md5', 'pass md5']])('as %s', async (username, password) => {
    expect((await log({ username, password })).user).toBe(username)
    expect(await log({ username, password, tls: 'require' })).toMatchObject({ user: username, ssl: true })
  })

  it.each(['by_scram', 'by_password', 'by_md5'])('tells the client that the credentials of %s were refused, and nothing more', async (username) => {
    await expect(log({ username, password: 'wrong' })).rejects.toMatchObject({ code: '08006', message: 'the target refused the credentials that the gateway holds for it' })
  })

  it('passes on why else the target does not let it in', async () => {
    await expect(log({ database: 'nowhere' })).rejects.toMatchObject({ code: '3D000', severity: 'FATAL' })
  })

  it.each([
    ['disable', 'plain_only', false], ['allow', 'plain_only', false], ['prefer', 'plain_only', false],
    ['allow', 'tls_only', true], ['prefer', 'tls_only', true], ['require', 'tls_only', true], ['verify-ca', 'tls_only', true], ['verify-full', 'tls_only', true],
  ] as const)('in mode %s as %s', async (tls, username, ssl) => {
    expect(await log({ tls, username, password: 'x' })).toMatchObject({ user: username, ssl })
  })

  it.each([['disable', 'tls_only'], ['require', 'plain_only'], ['verify-full', 'plain_only']] as const)('not in mode %s as %s', async (tls, username) => {
    await expect(log({ tls, username, password: 'x' })).rejects.toMatchObject({ code: '08006' })
  })
})

describe('TLS towards the client', () => {
  const context = (): HostOptions['clientTls'] extends infer T ? T : never => ({
    mode: 'required', context: createSecureContext({ key: readFileSync(path.join(certificates, 'key.pem')), cert: readFileSync(path.join(certificates, 'cert.pem')) }),
  })

  it('serves TLS clients, and refuses others before any password where it is required', async () => {
    const { user, host } = await log({}, { clientTls: context() as NonNullable<HostOptions['clientTls']> }, { ssl: { rejectUnauthorized: false } })
    expect(user).toBe(superuser.username)
    expect(host.claims).toHaveLength(1)
    const failing = new SocketHost({ target: superuser, clientTls: context() as NonNullable<HostOptions['clientTls']> })
    hosts.push(failing)
    const db = new pg.Client({ host: '127.0.0.1', port: await failing.listen(), user: 'orders', password: 'secret', database: 'orders' })
    db.on('error', () => undefined)
    await expect(db.connect()).rejects.toMatchObject({ message: expect.stringContaining('requires TLS') })
    expect(failing.claims).toHaveLength(0)
  })
})
