import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startPostgres, type EmbeddedPostgres } from '@sallyport/embedded'
import pg from 'pg'

/** The sample target: a real PostgreSQL with the shop's orders, that logs every statement it runs. */
export interface OrdersTarget {
  readonly port: number
  readonly username: string
  readonly password: string
  /** Asks the target itself, around the gateway; a row is its fields joined by `|`. */
  ask(sql: string): Promise<string[]>
  /** The statements that the agent's session really ran here, by the target's own log. */
  agentStatements(): readonly string[]
  stop(): Promise<void>
}

const USERNAME = 'app'
const SCHEMA = fileURLToPath(new URL('../../demo/orders.sql', import.meta.url))
const LOG_LINE = /^app\|([^|]*)\|orders\|LOG: {2}(?:statement|execute [^:]*): (.*)$/

const ownerOf = (server: EmbeddedPostgres, database: string): pg.Client => {
  const url = new URL(server.url)
  url.pathname = `/${database}`
  return new pg.Client({ connectionString: url.href })
}

const run = async (server: EmbeddedPostgres, database: string, sql: string): Promise<string[]> => {
  const client = ownerOf(server, database)
  await client.connect()
  try {
    const { rows } = await client.query({ text: sql, rowMode: 'array' })
    return ((rows ?? []) as unknown[][]).map((row) => row.map(String).join('|'))
  } finally {
    await client.end()
  }
}

export const startOrdersTarget = async (dataDir: string, applicationName: string): Promise<OrdersTarget> => {
  const server = await startPostgres({ dataDir, ephemeral: true, settings: { log_statement: 'all', log_line_prefix: '%u|%a|%d|' } })
  const password = randomBytes(18).toString('base64url')
  await run(server, 'postgres', `create role ${USERNAME} login password '${password}'`)
  await run(server, 'postgres', `create database orders owner ${USERNAME}`)
  const client = ownerOf(server, 'orders')
  await client.connect()
  await client.query(readFileSync(SCHEMA, 'utf8'))
  await client.query(`grant select, insert, update, delete on all tables in schema public to ${USERNAME}`)
  await client.end()
  return {
    port: server.port,
    username: USERNAME,
    password,
    ask: (sql) => run(server, 'orders', sql),
    agentStatements: () => readFileSync(server.logFile, 'utf8').split('\n').flatMap((line) => {
      const found = LOG_LINE.exec(line)
      return found?.[1] === applicationName ? [found[2]!] : []
    }),
    stop: () => server.stop(),
  }
}
