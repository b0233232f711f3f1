import { Platform, type PlatformOptions } from './platform.js'

export const SECRETS = {
  emails: ['ada.byron@example.com', 'grace.murray@example.com'],
  card: '4111111111111111',
  key: 'AKIAIOSFODNN7EXAMPLE',
} as const

const SCHEMA = `
  create table customers (id integer primary key, name text not null, email text not null unique);
  create table orders (id integer primary key, customer_id integer references customers, status text not null, total integer not null, card text not null);
  create table notes (id integer primary key, body text);
  insert into customers values (1, 'Ada', '${SECRETS.emails[0]}'), (2, 'Grace', '${SECRETS.emails[1]}');
  insert into orders values (1, 1, 'paid', 100, '${SECRETS.card}'), (2, 2, 'paid', 250, '${SECRETS.card}'), (3, 2, 'open', 50, '${SECRETS.card}');
  insert into notes values (1, 'the key is ${SECRETS.key}');
  grant select, insert, update, delete on all tables in schema public to app;
  grant create on schema public to app;
`

export const POLICIES = `
@id("agents-connect") permit (principal in Group::"ai-agents", action in Action::"connect", resource);
@id("agents-read") permit (principal in Group::"ai-agents", action in Action::"read", resource);
@id("agents-write") permit (principal in Group::"ai-agents", action in Action::"write", resource);
@id("deletes-need-a-dba") @approval("dba") @expires("1m") @reason("Deletes need a second pair of eyes.")
forbid (principal in Group::"ai-agents", action == Action::"sql.delete", resource);
@id("inserts-are-parked") @approval("dba") @park @expires("1m") @reason("Inserts are looked at first.")
forbid (principal in Group::"ai-agents", action == Action::"sql.insert", resource);
@id("no-schema-changes") @reason("Schema changes go through migrations.")
forbid (principal in Group::"ai-agents", action in Action::"schema", resource);
@id("engineers") permit (principal in Group::"engineers", action in [Action::"connect", Action::"read", Action::"write", Action::"schema", Action::"execute", Action::"administer"], resource);
`

/** A platform with one target database, two connections to it (one for each durability), policies and masking rules. */
export const startShop = async (options: PlatformOptions = {}): Promise<Platform> => {
  const platform = await Platform.start(options)
  try {
    await furnish(platform)
    return platform
  } catch (error) {
    await platform.stop()
    throw error
  }
}

const furnish = async (platform: Platform): Promise<void> => {
  for (const secret of [...SECRETS.emails, SECRETS.card, SECRETS.key]) platform.planted.set(secret, secret)
  const admin = await platform.direct()
  await admin.query('create role app login password \'app-secret-on-target\'')
  await admin.query('create database shop owner postgres')
  await admin.end()
  const shop = await platform.direct('shop')
  await shop.query(SCHEMA)
  await shop.end()
  const to = { database: 'shop', username: 'app', password: 'app-secret-on-target' }
  await platform.connect('shop', to)
  await platform.connect('shop-stream', to, { durability: 'stream' })
  await platform.rest?.('PUT', '/v1/agents/coding-agent', { spec: { issuer: 'development', subject: 'coding-agent', owner: 'alice', connections: ['shop', 'shop-stream'] } })
  await platform.policy('shop', POLICIES)
  await platform.rule('pii', { columns: ['public.customers.email', 'public.orders.card'] })
  await platform.rule('secrets', { detect: ['aws_access_key', 'email', 'credit_card'] })
}
