import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { waitFor } from '@sallyport/testing'
import pg from 'pg'
import { startPlatform, wholeSession, type Platform } from './fixtures.js'

const changes = ['update events set type = \'x\'', 'delete from events', 'truncate events', 'alter table events disable trigger all', 'drop table events', 'drop trigger append_only on events']

describe('the log', () => {
  let platform: Platform
  beforeAll(async () => {
    platform = await startPlatform()
    await platform.startStore()
    await platform.publish('px1', wholeSession(1).events)
    await platform.stored(4)
  })
  afterAll(() => platform.stop())

  it('is written by a role that is not its owner', async () => {
    const { rows } = await platform.owner.query<{ owner: string }>('select tableowner as owner from pg_tables where schemaname = \'audit_store\' and tablename = \'events\'')
    const { rows: [writer] } = await platform.owner.query<{ super: boolean; login: boolean }>('select rolsuper as super, rolcanlogin as login from pg_roles where rolname = \'audit_store_writer\'')
    expect(rows[0]?.owner).not.toBe('audit_store_writer')
    expect(writer).toEqual({ super: false, login: false })
  })

  it.each([...changes, 'update payloads set body = \'\'', 'delete from payloads', 'truncate payloads', 'delete from quarantine', 'delete from session_heads'])('refuses the running service: %s', async (change) => {
    const client = new pg.Client({ connectionString: platform.databaseUrl, options: '-c search_path=audit_store' })
    await client.connect()
    try {
      await client.query('set role audit_store_writer')
      await expect(client.query(change)).rejects.toMatchObject({ code: '42501' })
    } finally {
      await client.end()
    }
  })

  it.each(changes.slice(0, 3))('refuses even its owner, until he takes the trigger away: %s', async (change) => {
    await expect(platform.owner.query(change)).rejects.toMatchObject({ code: '42501', message: expect.stringContaining('append-only') })
  })

  it('is set up by an owner who is no superuser', async () => {
    await platform.owner.query('drop role if exists audit_owner')
    await platform.owner.query('create role audit_owner login createrole password \'test\'')
    await platform.owner.query('drop role if exists audit_owned_writer')
    await platform.owner.query(`grant create on database ${new URL(platform.databaseUrl).pathname.slice(1)} to audit_owner`)
    await platform.stopStores()
    const url = new URL(platform.databaseUrl)
    url.username = 'audit_owner'
    url.password = 'test'
    await platform.startStore({ SALLYPORT_DATABASE_URL: url.href, SALLYPORT_AUDIT_SCHEMA: 'audit_owned' })
    await platform.publish('px1', wholeSession(1).events)
    await waitFor(async () => (await platform.count('audit_owned.events')) === 4)
    await waitFor(async () => (await platform.count('audit_owned.commands')) === 1)
  })

  it('runs under a log-in that is nothing but a member of the writer', async () => {
    await platform.owner.query('drop role if exists audit_login')
    await platform.owner.query('create role audit_login login password \'test\' in role audit_store_writer')
    const url = new URL(platform.databaseUrl)
    url.username = 'audit_login'
    url.password = 'test'
    await platform.stopStores()
    await platform.startStore({ SALLYPORT_DATABASE_WRITER_URL: url.href })
    await platform.publish('px1', wholeSession(1).events)
    await platform.stored(8)
    expect((await platform.owner.query('select from pg_stat_activity where usename = \'audit_login\'')).rowCount).toBeGreaterThan(0)
  })
})
