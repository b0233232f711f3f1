import pg from 'pg'
import { EMAILS, type ConnectionName, type FaultPlatform } from './fault-platform.js'

const ANSWER_MS = 40_000
const RETRY_MS = 100

/** What the clients saw. */
export interface Seen {
  /** Markers whose statement was answered with success. */
  readonly succeeded: Set<string>
  /** Markers whose client was told that the command was not run. */
  readonly refused: Set<string>
  readonly errors: Map<string, number>
  /** What must never be seen. */
  readonly wrong: string[]
  logins: number
  reads: number
}

export const newSeen = (): Seen => ({ succeeded: new Set(), refused: new Set(), errors: new Map(), wrong: [], logins: 0, reads: 0 })

const LOSSES = /^(Connection terminated|connect ECONNREFUSED|read ECONNRESET|write EPIPE|write ECONNRESET|timeout expired|Client has encountered a connection error|Client was closed|This socket has been ended)/

/** Sorts an error: an answer in the protocol's form, or the loss of the connection. Anything else must not happen. Answers whether the session is over. */
export const noteError = (seen: Seen, markers: readonly string[], thrown: unknown): boolean => {
  const error = thrown as pg.DatabaseError
  const code = /^[0-9A-Z]{5}$/.test(error.code ?? '') ? error.code! : undefined
  const kind = code === undefined ? error.message.replaceAll(/\d+\.\d+\.\d+\.\d+:\d+/g, '') : `${error.severity} ${code} ${error.message.replaceAll(/\[.*|\d+|ap_\w+/g, '').slice(0, 90)}`
  seen.errors.set(kind, (seen.errors.get(kind) ?? 0) + 1)
  if (code === undefined && !LOSSES.test(error.message)) seen.wrong.push(`an error in no known form: ${error.message}`)
  if (/internal error|gateway failed|broke the protocol/.test(error.message)) seen.wrong.push(`an error of the gateway's own making: ${error.message}`)
  const notRun = error.severity === 'ERROR' && (code === '57P03' || code === '42501' || code === '57014')
  if (notRun || error.message.includes('was not run')) for (const marker of markers) seen.refused.add(marker)
  return code === undefined || error.severity === 'FATAL'
}

/** Rejects when no answer comes: whoever waits for ever was neither served nor refused. */
const answered = async <T>(what: string, work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error(`no answer in ${ANSWER_MS} ms to ${what}`)), ANSWER_MS) })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

type Step = (client: pg.Client, run: number) => Promise<void>

/** One client after the other, as long as it goes on: a lost connection is made again. */
const loop = async (platform: FaultPlatform, connection: ConnectionName, seen: Seen, stopped: () => boolean, step: Step): Promise<void> => {
  for (let run = 0; !stopped();) {
    let client: pg.Client | undefined
    try {
      client = await platform.client(connection)
      seen.logins += 1
      while (!stopped()) await step(client, run++)
    } catch (error) {
      if (error !== OVER) noteError(seen, [], error)
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS) })
    } finally {
      await client?.end().catch(() => undefined)
    }
  }
}

/** The session is over; what it saw last is noted already. */
const OVER = new Error('the session is over')

/** Runs one statement that carries a marker, and notes how it was answered. Answers whether it succeeded. */
const marked = async (seen: Seen, marker: string, work: Promise<unknown>): Promise<boolean> => {
  try {
    await answered(marker, work)
    seen.succeeded.add(marker)
    return true
  } catch (error) {
    if (noteError(seen, [marker], error)) throw OVER
    return false
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })
const PACE_MS = 15

const autocommit = (seen: Seen, prefix: string): Step => async (client, run) => {
  const marker = `mk_${prefix}_${run}`
  await marked(seen, marker, client.query(`insert into marks values ('${marker}')`))
  await pause(PACE_MS)
}

const parameters = (seen: Seen, prefix: string): Step => async (client, run) => {
  const marker = `mk_${prefix}_${run}`
  await marked(seen, marker, client.query({ name: 'mark', text: 'insert into marks values ($1)', values: [marker] }))
  await pause(PACE_MS)
}

const transactions = (seen: Seen, prefix: string): Step => async (client, run) => {
  try {
    await answered('begin', client.query('begin'))
    for (const part of ['a', 'b']) await marked(seen, `mk_${prefix}_${run}${part}`, client.query(`insert into marks values ('mk_${prefix}_${run}${part}')`))
    await answered('commit', client.query(run % 5 === 0 ? 'rollback' : 'commit'))
  } catch (error) {
    if (error === OVER || noteError(seen, [], error)) throw OVER
    await client.query('rollback').catch(() => { throw OVER })
  }
  await pause(PACE_MS)
}

const batches = (seen: Seen, prefix: string): Step => async (client, run) => {
  const markers = [0, 1, 2, 3].map((part) => `mk_${prefix}_${run}x${part}`)
  try {
    await answered(markers[0]!, client.query(markers.map((marker) => `insert into marks values ('${marker}')`).join('; ')))
    for (const marker of markers) seen.succeeded.add(marker)
  } catch (error) {
    if (noteError(seen, markers, error)) throw OVER
  }
  await pause(PACE_MS)
}

const held = (seen: Seen, prefix: string): Step => async (client, run) => {
  const marker = `mk_${prefix}_${run}`
  await marked(seen, marker, client.query(`delete from marks where marker = '${marker}'`))
}

const reading = (seen: Seen): Step => async (client) => {
  try {
    const { rows } = await answered('a read', client.query('select id, email from people order by id'))
    seen.reads += 1
    for (const { email } of rows as { email: string }[]) if ((EMAILS as readonly string[]).includes(email)) seen.wrong.push('a masked column came in the clear')
  } catch (error) {
    if (noteError(seen, [], error)) throw OVER
  }
  await pause(PACE_MS)
}

/** Clients of every kind on both durabilities, and somebody who approves. Ends when `stopped`. */
export const runWorkload = async (platform: FaultPlatform, seen: Seen, stopped: () => boolean): Promise<void> => {
  const approver = async (): Promise<void> => {
    while (!stopped()) {
      await platform.approvePending().catch(() => undefined)
      await pause(100)
    }
  }
  const client = (connection: ConnectionName, step: Step): Promise<void> => loop(platform, connection, seen, stopped, step)
  await Promise.all([
    approver(),
    client('marks-stored', autocommit(seen, 's1')), client('marks-stored', parameters(seen, 's2')), client('marks-stored', transactions(seen, 's3')),
    client('marks-stored', batches(seen, 's4')), client('marks-stored', held(seen, 's5')), client('marks-stored', reading(seen)),
    client('marks-stream', autocommit(seen, 't1')), client('marks-stream', parameters(seen, 't2')), client('marks-stream', transactions(seen, 't3')),
    client('marks-stream', batches(seen, 't4')), client('marks-stream', reading(seen)),
  ])
}
