import pg from 'pg'
import { newPassword } from './secrets.js'
import { controlServices, type ControlServiceName } from './service-list.js'

const DATABASE = 'sallyport'

/** The store makes a role that may add events and not change them. */
const MAY_MAKE_ROLES: ReadonlySet<ControlServiceName> = new Set(['audit-store'])

const withClient = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const roleOf = (service: ControlServiceName): string => `sallyport_${service.replaceAll('-', '_')}`

/**
 * A role for each service, which owns nothing but the schema that the service makes, with a new password at each start.
 * `superuserUrl` may make databases and roles. Answers each service's URL.
 */
export const prepareDatabases = async (superuserUrl: string): Promise<Record<ControlServiceName, string>> => {
  await withClient(superuserUrl, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`create database ${DATABASE}`)
  })
  const url = new URL(superuserUrl)
  url.pathname = `/${DATABASE}`
  return withClient(url.href, async (client) => {
    await client.query(`revoke all on database ${DATABASE} from public`)
    const urls = await inSequence(controlServices, async (service) => [service, await prepareRole(client, url, service)] as const)
    return Object.fromEntries(urls) as Record<ControlServiceName, string>
  })
}

const prepareRole = async (client: pg.Client, database: URL, service: ControlServiceName): Promise<string> => {
  const role = roleOf(service)
  const password = newPassword()
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role])
  const rights = `login ${MAY_MAKE_ROLES.has(service) ? 'createrole' : 'nocreaterole'} nosuperuser nocreatedb`
  await client.query(`${rowCount === 0 ? 'create' : 'alter'} role ${role} ${rights} password '${password}'`)
  // Whoever makes a role may act as it (PostgreSQL 16 and later: not unless this says so).
  if (MAY_MAKE_ROLES.has(service)) await client.query(`alter role ${role} set createrole_self_grant = 'set, inherit'`)
  await client.query(`grant connect, create, temporary on database ${DATABASE} to ${role}`)
  const url = new URL(database)
  url.username = role
  url.password = password
  return url.href
}

const inSequence = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = []
  for (const item of items) results.push(await work(item))
  return results
}

/** With a database of one's own every service uses the log-in given, each in its own schema. */
export const sharedDatabase = (url: string): Record<ControlServiceName, string> =>
  Object.fromEntries(controlServices.map((service) => [service, url])) as Record<ControlServiceName, string>
