// The target: a real PostgreSQL with pgbench's tables and a table of people, and the pgbouncer in front of it to compare with.
import { startPostgres, unprivilegedUser } from '@sallyport/embedded'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import pg from 'pg'
import { run, connectionEnv } from './pgbench.mjs'

const PASSWORD = 'bench-app-password'
export const RESULT_ROWS = 20_000

const give = (file, mode) => {
  const user = unprivilegedUser()
  chmodSync(file, mode)
  if (user !== undefined) chownSync(file, user.uid, user.gid)
}

/** A certificate of its own for 127.0.0.1; answers the files' names. */
export const selfMadeCertificate = async (dir, name) => {
  const cert = path.join(dir, `${name}.crt`)
  const key = path.join(dir, `${name}.key`)
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert])
  return { cert, key }
}

export const query = async (url, database, text) => {
  const where = new URL(url)
  where.pathname = `/${database}`
  const client = new pg.Client({ connectionString: where.href })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** Answers the server, and the end to reach it directly; also by TLS. */
export const startTarget = async (dir, scale) => {
  const { cert, key } = await selfMadeCertificate(dir, 'target')
  give(cert, 0o644)
  give(key, 0o600)
  const settings = { max_connections: '1200', ssl: 'on', ssl_cert_file: cert, ssl_key_file: key }
  const server = await startPostgres({ dataDir: path.join(dir, 'target'), settings })
  await query(server.url, 'postgres', `create role app login password '${PASSWORD}'`)
  await query(server.url, 'postgres', 'create database bench owner app')
  const direct = { host: '127.0.0.1', port: server.port, user: 'app', password: PASSWORD, database: 'bench' }
  await run('pgbench', ['-i', '-q', '-s', String(scale)], connectionEnv(direct))
  await run('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c',
    `create table people as select id, 'Person ' || id as name, 'person' || id || '@example.org' as email, id * 7 % 1000 as points from generate_series(1, ${RESULT_ROWS}) id`,
    '-c', 'vacuum analyze people'], connectionEnv(direct))
  const [{ version }] = await query(server.url, 'postgres', 'show server_version').then((rows) => rows.map((row) => ({ version: row.server_version })))
  return { server, direct, version, password: PASSWORD }
}

const listening = async (port, deadline) => {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1')
    const [what] = await Promise.race([once(socket, 'connect').then(() => ['up']), once(socket, 'error')])
    socket.destroy()
    if (what === 'up') return
    if (performance.now() > deadline) throw new Error('pgbouncer does not listen')
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
}

const pgbouncerProgram = () => [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'].map((dir) => path.join(dir, 'pgbouncer')).find(existsSync)

/** Session pooling, as close to a gateway's work as pgbouncer comes. It refuses to run as root. */
export const startPgbouncer = async (dir, direct, port) => {
  const program = pgbouncerProgram()
  if (program === undefined) throw new Error('pgbouncer is not installed')
  const own = path.join(dir, 'pgbouncer')
  mkdirSync(own)
  give(own, 0o700)
  const file = (name, text) => {
    writeFileSync(path.join(own, name), text)
    give(path.join(own, name), 0o600)
    return path.join(own, name)
  }
  const users = file('users.txt', `"${direct.user}" "${direct.password}"\n`)
  const ini = file('pgbouncer.ini', `[databases]
bench = host=127.0.0.1 port=${direct.port} user=${direct.user} password=${direct.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
pool_mode = session
max_client_conn = 500
default_pool_size = 100
logfile = ${path.join(own, 'log')}
`)
  const user = unprivilegedUser()
  const child = spawn(program, ['-q', ini], { stdio: 'ignore', ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }) })
  const ended = once(child, 'exit')
  await Promise.race([listening(port, performance.now() + 10_000), ended.then(([code]) => { throw new Error(`pgbouncer ended with ${code}`) })])
  return {
    end: { ...direct, port },
    stop: async () => {
      child.kill('SIGINT')
      await ended
    },
  }
}
