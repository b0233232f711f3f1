import { encodeBatch, sequenceText, sessionSubject } from '@sallyport/contracts/events'
import { newId, newUuid } from '@sallyport/contracts/ids'
import { sessionEventTypes } from '@sallyport/contracts/session'
import { connectBus, type Bus } from '@sallyport/messaging'
import { startService, type RunningService } from '@sallyport/runtime'
import { freshDatabase, startNats, temporaryDir, waitFor } from '@sallyport/testing'
import pg from 'pg'
import { service } from '../src/index.js'

export const alice = { kind: 'user', issuer: 'corp', subject: 'alice', uid: 'alice', groups: ['engineers'] }
export const agent = { kind: 'agent', issuer: 'corp', subject: 'coding-agent', uid: 'coding-agent', groups: ['ai-agents'], owner: 'alice', chain: [alice] }

/** The text of one event. */
export const eventText = (event: { readonly type: string; readonly session?: string; readonly subject?: string; readonly sequence: number; readonly data: object; readonly id?: string; readonly time?: string }): string =>
  JSON.stringify({
    specversion: '1.0', id: event.id ?? newUuid(), source: 'sallyport/test', type: event.type, subject: event.subject ?? event.session ?? 'x',
    time: event.time ?? new Date().toISOString(), ...(event.session === undefined ? {} : { session: event.session }), sequence: sequenceText(event.sequence), data: event.data,
  })

export const finishData = (command: string, more: object = {}): object => ({ command, outcome: 'completed', durationUs: 120, bytesOut: 12, rows: 1, status: 'SELECT 1', ...more })

export const requestedData = (command: string, more: object = {}): object => ({
  command, action: 'sql.select', class: 'read', effects: [], fingerprint: 'f', statement: 'SELECT 1', statementBytes: 8, input: 'none', digest: 'd',
  decision: { outcome: 'allow', policies: ['agents-read'], revision: 1 }, ...more,
})

/** Writes the events of one session, each once, under the right numbers. */
export const newScript = (options: { readonly proxy?: string; readonly principal?: object; readonly connection?: string } = {}) => {
  const session = newId('ses')
  const proxy = options.proxy ?? 'px1'
  const events: string[] = []
  const add = (type: string, data: object, subject?: string): string => {
    const text = eventText({ type, session, sequence: events.length + 1, data, ...(subject === undefined ? {} : { subject }) })
    events.push(text)
    return text
  }
  return {
    session,
    proxy,
    events,
    add,
    open: () => add(sessionEventTypes.opened, {
      principal: options.principal ?? agent, connection: options.connection ?? 'orders-prod', connectionRevision: 1, protocol: 'postgres', proxy, sourceAddress: '127.0.0.1',
      target: { host: '127.0.0.1', port: 5432 }, client: {}, tls: { client: false, target: false }, durability: 'stored', decision: { policies: ['agents-connect'], revision: 1 },
    }),
    request: (more: object = {}): string => {
      const command = newId('cmd')
      add(sessionEventTypes.requested, requestedData(command, more), command)
      return command
    },
    finish: (command: string, more: object = {}) => add(sessionEventTypes.completed, finishData(command, more), command),
    close: () => add(sessionEventTypes.closed, { reason: 'client', lastSequence: events.length + 1, commands: 0, bytesIn: 1, bytesOut: 1 }),
  }
}
export type Script = ReturnType<typeof newScript>

/** A session of `commands` commands, each ended with the request of the next one, and closed. */
export const wholeSession = (commands: number, options: Parameters<typeof newScript>[0] = {}): Script => {
  const script = newScript(options)
  script.open()
  let before: string | undefined
  for (let index = 0; index < commands; index += 1) {
    before = script.request({ statement: `SELECT ${index}`, ...(before === undefined ? {} : { finished: [finishData(before)] }) })
  }
  if (before !== undefined) script.finish(before)
  script.close()
  return script
}

export interface Platform {
  readonly bus: Bus
  readonly natsUrl: string
  readonly databaseUrl: string
  /** As the owner of everything. */
  readonly owner: pg.Pool
  publish(proxy: string, events: readonly string[]): Promise<number>
  startStore(env?: Record<string, string>): Promise<RunningService>
  stopStores(): Promise<void>
  count(table: string, where?: string): Promise<number>
  /** Waits until that many events are stored and projected. */
  stored(events: number): Promise<void>
  stop(): Promise<void>
}

/** An own nats-server with an own event stream, and an own database. */
export const startPlatform = async (): Promise<Platform> => {
  const nats = await startNats({ dataDir: temporaryDir('audit-nats'), ephemeral: true })
  const databaseUrl = await freshDatabase()
  const owner = new pg.Pool({ connectionString: databaseUrl, options: '-c search_path=audit_store', max: 4 })
  const bus = await connectBus({ servers: nats.url, name: 'test', instance: 'test' })
  await bus.ensureEventStream()
  const running: RunningService[] = []
  const count = async (table: string, where = 'true'): Promise<number> =>
    Number((await owner.query<{ n: string }>(`select count(*) as n from ${table} where ${where}`)).rows[0]?.n)
  const stopStores = async (): Promise<void> => {
    for (const store of running.splice(0)) await store.stop()
  }
  return {
    stopStores,
    bus, natsUrl: nats.url, databaseUrl, owner, count,
    publish: (proxy, events) => bus.append(sessionSubject(proxy, 0), encodeBatch(events)),
    startStore: async (env = {}) => {
      const store = await startService(service, { SALLYPORT_NATS_URL: nats.url, SALLYPORT_DATABASE_URL: databaseUrl, SALLYPORT_LOG_LEVEL: process.env['TEST_LOG'] ?? 'silent', ...env })
      running.push(store)
      return store
    },
    stored: async (events) => {
      await waitFor(async () => {
        const { rows: [row] } = await owner.query<{ position: string; projected: string }>('select position, (select position from projection_checkpoints where name = \'current\') as projected from sequencer')
        return Number(row?.position) >= events && row?.projected === row?.position
      }, { what: `${events} events stored and projected`, timeoutMs: 20_000 })
    },
    stop: async () => {
      await stopStores()
      await bus.close()
      await owner.end()
      await nats.stop()
    },
  }
}
