import { expect, test } from '@jest/globals'
import { connectBus } from '@sallyport/messaging'
import { startService } from '@sallyport/runtime'
import { freshDatabase, testNats } from '@sallyport/testing'
import pg from 'pg'
import { service } from '../src/index.js'

test('a database that answers commits before they are written is not trusted with the log', async () => {
  const url = await freshDatabase()
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  await admin.query(`alter database ${new URL(url).pathname.slice(1)} set synchronous_commit = off`)
  await admin.query('create table seen (setting text)')
  // What each of the service's own transactions runs under is noted by the log's own table.
  const running = await startService(service, { SALLYPORT_NATS_URL: (await testNats()).url, SALLYPORT_DATABASE_URL: url, SALLYPORT_LOG_LEVEL: 'silent' })
  try {
    await admin.query('grant insert on seen to public')
    await admin.query('create function note() returns trigger language plpgsql as $$ begin insert into public.seen values (current_setting(\'synchronous_commit\')); return null; end $$')
    await admin.query('create trigger note after insert on audit_store.quarantine for each statement execute function note()')
    await admin.query('create trigger note after insert on audit_store.events for each statement execute function note()')
    const bus = await connectBus({ servers: (await testNats()).url, name: 'api', instance: 'durable' })
    await bus.append('sallyport.evt.control.api', 'not a batch')
    for (let tries = 0; tries < 500; tries += 1) {
      if ((await admin.query('select 1 from seen')).rows.length > 0) break
      await new Promise((resolve) => { setTimeout(resolve, 20) })
    }
    expect((await admin.query('select distinct setting from seen')).rows).toEqual([{ setting: 'on' }])
    await bus.close()
  } finally {
    await running.stop()
    await admin.end()
  }
})
