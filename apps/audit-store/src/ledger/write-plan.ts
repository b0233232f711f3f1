import { hash } from 'node:crypto'
import type pg from 'pg'
import type { Plan } from '../admission/admit.js'
import { byteaArray, int8Array, textArray, timeArray, uuidArray } from './arrays.js'
import { newCommitment } from './commitment.js'

/** Where the log ends, and how far the stream is taken in. `epoch` is of the sequencer that may write. */
export interface Tip {
  readonly epoch: number
  readonly position: number
  readonly streamSequence: number
}

/** Another sequencer has taken over: nothing was written. */
export class FencedError extends Error {
  override readonly name = 'FencedError'
  readonly code = 'fenced'
}

/**
 * One statement and so one round trip and one transaction for any number of events. The row `fence` is locked and compared first:
 * a sequencer that was replaced, or whose idea of the tip is old, writes nothing.
 */
const STORE = `
  with fence as (
    update sequencer set position = $3, stream_sequence = $4 where epoch = $1 and position = $2 returning true
  ), heads as (
    insert into session_heads (session, proxy, sequence, lost_at, ended)
    select * from unnest($12::text[], $13::text[], $14::int8[], $15::int8[], $16::bool[]) where (select count(*) from fence) = 1
    on conflict (session) do update set sequence = excluded.sequence, lost_at = excluded.lost_at, ended = excluded.ended
  ), stored as (
    insert into events (position, id, type, session, sequence, subject, source, time, stored_at, commitment)
    select $2 + n, id, type, session, sequence, subject, source, time, $17, commitment
    from unnest($5::uuid[], $6::text[], $7::text[], $8::int8[], $9::text[], $10::text[], $11::timestamptz[], $18::bytea[])
      with ordinality as event (id, type, session, sequence, subject, source, time, commitment, n)
    where (select count(*) from fence) = 1
  ), kept as (
    insert into payloads (position, salt, body)
    select $2 + n, salt, body from unnest($19::bytea[], $20::bytea[]) with ordinality as payload (salt, body, n)
    where (select count(*) from fence) = 1
  )
  select count(*)::int as held from fence`

/** Up to so many events are written as they are: taking arrays apart costs a commit of few events as much as writing them. */
const FEW_EVENTS = 8
const COLUMNS_OF_EVENT = 14
const COLUMNS_OF_STATEMENT = 5

/** {@link STORE} for so many events, each the only one of its session, with a parameter for each value. */
const storeFew = (count: number): string => {
  const rows = (columns: readonly (readonly [offset: number, type: string])[]): string =>
    Array.from({ length: count }, (_, row) => `($2::int8 + ${row + 1}, ${columns.map(([offset, type]) => `$${COLUMNS_OF_STATEMENT + row * COLUMNS_OF_EVENT + offset}::${type}`).join(', ')})`).join(', ')
  return `
  with fence as (
    update sequencer set position = $3, stream_sequence = $4 where epoch = $1 and position = $2 returning true
  ), heads as (
    insert into session_heads (session, proxy, sequence, lost_at, ended)
    select session, proxy, sequence, lost_at, ended from fence, (values ${rows([[3, 'text'], [11, 'text'], [12, 'int8'], [13, 'int8'], [14, 'bool']])}) as head (n, session, proxy, sequence, lost_at, ended)
    on conflict (session) do update set sequence = excluded.sequence, lost_at = excluded.lost_at, ended = excluded.ended
  ), stored as (
    insert into events (position, id, type, session, sequence, subject, source, time, commitment, stored_at)
    select event.*, $5::timestamptz from fence, (values ${rows([[1, 'uuid'], [2, 'text'], [3, 'text'], [4, 'int8'], [5, 'text'], [6, 'text'], [7, 'timestamptz'], [8, 'bytea']])}) as event
  ), kept as (
    insert into payloads (position, salt, body)
    select payload.* from fence, (values ${rows([[9, 'bytea'], [10, 'bytea']])}) as payload
  )
  select count(*)::int as held from fence`
}

const FEW_STATEMENTS = Array.from({ length: FEW_EVENTS + 1 }, (_, count) => storeFew(count))

/** A statement with its parameters behind the first four, which say where the log ends. */
export interface StoreStatement {
  readonly name: string
  readonly text: string
  readonly values: readonly unknown[]
}

/** The plan's rows as parameters; made while the transaction before is still running. */
export const storeStatement = (plan: Plan): StoreStatement => {
  const { accepted, touched } = plan
  const few = accepted.length > 0 && accepted.length <= FEW_EVENTS && touched.size === accepted.length && new Set(accepted.map((event) => event.session)).size === accepted.length && accepted.every((event) => event.session !== null)
  return few
    ? { name: `store-${accepted.length}`, text: FEW_STATEMENTS[accepted.length] ?? '', values: fewValues(plan) }
    : { name: 'store', text: STORE, values: manyValues(plan) }
}

const fewValues = ({ accepted, touched }: Plan): readonly unknown[] => {
  const heads = new Map([...touched].map((head) => [head.session, head]))
  const values: unknown[] = [new Date().toISOString()]
  for (const { id, type, session, sequence, subject, source, time, body } of accepted) {
    const { salt, commitment } = newCommitment(body)
    const head = heads.get(session ?? '')
    values.push(id, type, session, sequence, subject, source, new Date(time).toISOString(), commitment, salt, body, head?.proxy, head?.head, head?.lostAt, head?.ended)
  }
  return values
}

const manyValues = (plan: Plan): readonly unknown[] => {
  const events = plan.accepted
  const sealed = events.map((event) => newCommitment(event.body))
  const heads = [...plan.touched]
  return [
    uuidArray(events.map((event) => event.id)),
    textArray(events.map((event) => event.type)),
    textArray(events.map((event) => event.session)),
    int8Array(events.map((event) => event.sequence)),
    textArray(events.map((event) => event.subject)),
    textArray(events.map((event) => event.source)),
    timeArray(events.map((event) => event.time)),
    textArray(heads.map((head) => head.session)),
    textArray(heads.map((head) => head.proxy)),
    int8Array(heads.map((head) => head.head)),
    int8Array(heads.map((head) => head.lostAt)),
    heads.map((head) => head.ended),
    new Date(),
    byteaArray(sealed.map((seal) => seal.commitment)),
    byteaArray(sealed.map((seal) => seal.salt)),
    byteaArray(events.map((event) => event.body)),
  ]
}

const isPlain = (plan: Plan): boolean =>
  plan.quarantined.length === 0 && plan.withheld.length === 0 && plan.drained.length === 0 && plan.opened.length === 0 && plan.resolved.length === 0

/** What is rare: written in the same transaction, one statement for each kind. */
const writeRare = async (client: pg.ClientBase, plan: Plan): Promise<void> => {
  const { quarantined, withheld, drained, opened, resolved } = plan
  if (quarantined.length > 0) {
    await client.query(
      `insert into quarantine (reason, detail, origin, session, sequence, position, body, digest)
       select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::int8[], $7::bytea[], $8::bytea[]) on conflict do nothing`,
      [
        textArray(quarantined.map((item) => item.reason)), textArray(quarantined.map((item) => item.detail.replaceAll('\u0000', '\u2400'))),
        textArray(quarantined.map((item) => item.origin.replaceAll('\u0000', '\u2400'))), textArray(quarantined.map((item) => item.session)),
        int8Array(quarantined.map((item) => item.sequence)), int8Array(quarantined.map((item) => item.position)),
        byteaArray(quarantined.map((item) => item.body)),
        byteaArray(quarantined.map((item) => hash('sha256', item.body ?? `${item.session}/${item.sequence}/${item.position}`, 'buffer'))),
      ],
    )
  }
  if (drained.length > 0) {
    await client.query('delete from withheld w using unnest($1::text[], $2::int8[]) as d (session, sequence) where w.session = d.session and w.sequence = d.sequence',
      [textArray(drained.map((item) => item.session)), int8Array(drained.map((item) => item.sequence))])
  }
  const kept = withheld.filter((event) => !drained.some((item) => item.session === event.session && item.sequence === event.sequence))
  if (kept.length > 0) {
    await client.query('insert into withheld (session, sequence, proxy, body) select * from unnest($1::text[], $2::int8[], $3::text[], $4::bytea[]) on conflict do nothing',
      [textArray(kept.map((event) => event.session)), int8Array(kept.map((event) => event.sequence)),
        textArray(kept.map((event) => (event.origin.kind === 'proxy' ? event.origin.proxy : ''))), byteaArray(kept.map((event) => event.body))])
  }
  for (const state of opened) {
    if (state.gap === null) continue
    await client.query('insert into gaps (session, from_sequence, to_sequence, kind, opened_at) values ($1, $2, $3, $4, now()) on conflict (session, from_sequence) do update set to_sequence = excluded.to_sequence',
      [state.session, state.gap.from, state.gap.to, state.gap.kind])
  }
  for (const gap of resolved) {
    // A gap that opens and is filled within one transaction was none; one that is given up is always recorded.
    const text = gap.resolution === 'filled'
      ? 'update gaps set resolved_at = now(), resolution = $4, to_sequence = $3 where session = $1 and from_sequence = $2'
      : `insert into gaps (session, from_sequence, to_sequence, kind, opened_at, resolved_at, resolution) values ($1, $2, $3, 'inner', now(), now(), $4)
         on conflict (session, from_sequence) do update set to_sequence = excluded.to_sequence, resolved_at = excluded.resolved_at, resolution = excluded.resolution`
    await client.query(text, [gap.session, gap.from, gap.to, gap.resolution])
  }
}

export interface PlannedWrite {
  readonly plan: Plan
  /** {@link storeStatement} of the plan. */
  readonly statement: StoreStatement
  readonly tip: Tip
  readonly streamSequence: number
}

/**
 * Stores a plan and moves the tip, all or nothing. Throws FencedError when another sequencer has taken over; on any other error
 * the outcome is unknown and everything must be read again.
 */
export const writePlan = async (pool: pg.Pool, { plan, statement, tip, streamSequence }: PlannedWrite): Promise<void> => {
  const query = { ...statement, values: [tip.epoch, tip.position, tip.position + plan.accepted.length, streamSequence, ...statement.values] }
  if (isPlain(plan)) {
    held(await pool.query<{ held: number }>(query))
    return
  }
  const client = await pool.connect()
  try {
    await client.query('begin')
    held(await client.query<{ held: number }>(query))
    await writeRare(client, plan)
    await client.query('commit')
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
}

const held = (result: pg.QueryResult<{ held: number }>): void => {
  if (result.rows[0]?.held !== 1) throw new FencedError('another sequencer has taken over the log')
}
