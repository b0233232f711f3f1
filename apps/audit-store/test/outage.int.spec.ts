import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { storeStatus } from '@sallyport/contracts/audit'
import { encodeBatch, sessionSubject } from '@sallyport/contracts/events'
import { connectBus, type Bus } from '@sallyport/messaging'
import { startService, type RunningService } from '@sallyport/runtime'
import { startNats, startPostgres, temporaryDir, waitFor } from '@sallyport/testing'
import pg from 'pg'
import { service } from '../src/index.js'
import { wholeSession } from './fixtures.js'

describe('when something is down', () => {
  const dirs = { nats: temporaryDir('outage-nats'), postgres: temporaryDir('outage-postgres') }
  let nats: Awaited<ReturnType<typeof startNats>>
  let postgres: Awaited<ReturnType<typeof startPostgres>>
  let store: RunningService
  let bus: Bus
  let sent = 0

  const publish = async (sessions: number): Promise<void> => {
    for (let index = 0; index < sessions; index += 1) {
      const { events } = wholeSession(20)
      await waitFor(async () => bus.append(sessionSubject('px1', 0), encodeBatch(events)), { timeoutMs: 20_000 })
      sent += events.length
    }
  }
  const count = async (table: string): Promise<number> => {
    const client = new pg.Client({ connectionString: postgres.url, options: '-c search_path=audit_store' })
    await client.connect()
    try {
      return Number((await client.query<{ n: string }>(`select count(*) as n from ${table}`)).rows[0]?.n)
    } finally {
      await client.end()
    }
  }
  const whole = async (): Promise<void> => {
    await waitFor(async () => (await count('events')) >= sent && (await bus.call(storeStatus, {})).projectionLag === 0, { timeoutMs: 30_000, what: 'everything stored and projected' })
    expect(await count('events')).toBe(sent)
    expect(await count('payloads')).toBe(sent)
    expect(await count('commands where status = \'completed\'')).toBe((sent / 23) * 20)
    expect(await bus.call(storeStatus, {})).toMatchObject({ stored: sent, quarantined: 0, gaps: 0 })
  }

  beforeAll(async () => {
    nats = await startNats({ dataDir: dirs.nats })
    postgres = await startPostgres({ dataDir: dirs.postgres })
    bus = await connectBus({ servers: nats.url, name: 'test', instance: 'test' })
    await bus.ensureEventStream()
    store = await startService(service, { SALLYPORT_NATS_URL: nats.url, SALLYPORT_DATABASE_URL: postgres.url, SALLYPORT_LOG_LEVEL: process.env['TEST_LOG'] ?? 'silent' })
  })
  afterAll(async () => {
    await store.stop()
    await bus.close()
    await nats.stop()
    await postgres.stop()
  })

  it('goes on when its database was killed and came back', async () => {
    await publish(20)
    const publishing = publish(20)
    postgres.kill()
    await publishing
    await postgres.restart()
    await publish(5)
    await whole()
  })

  it('goes on when the bus was killed and came back', async () => {
    const publishing = publish(20)
    nats.kill()
    await nats.restart()
    await publishing
    await publish(5)
    await whole()
  })
})
