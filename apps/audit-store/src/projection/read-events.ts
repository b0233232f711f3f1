import type pg from 'pg'
import type { Projectable } from './project.js'

/** Of payloads read at once. */
const READ_BYTES_MAX = 16 * 1024 * 1024

interface Row {
  readonly position: number
  readonly type: string
  readonly session: string | null
  readonly sequence: number
  readonly subject: string
  readonly time: Date
  readonly body: Buffer | null
}

/** An event whose payload was erased keeps its place and says nothing. */
const ERASED: Readonly<Record<string, unknown>> = {}

const dataOf = (body: Buffer | null): Readonly<Record<string, unknown>> => {
  if (body === null) return ERASED
  return (JSON.parse(body.toString('utf8')) as { data: Record<string, unknown> }).data
}

/** Stored events after a position, in order. Events whose payload was erased have type `''`: nothing is projected of them. */
export const readEventsAfter = async (pool: pg.Pool, position: number, limit: number): Promise<Projectable[]> => {
  const { rows } = await pool.query<Row>({
    name: 'events-after',
    // As many as fit the bound by the sizes of their payloads, which the server knows without reading them; one at least.
    text: `select e.position, e.type, e.session, e.sequence, e.subject, e.time, p.body from events e left join payloads p on p.position = e.position
           where e.position > $1 and e.position <= (
             select max(w.position) from (
               select n.position, sum(octet_length(b.body)) over (order by n.position rows between unbounded preceding and 1 preceding) as before
               from (select position from events where position > $1 order by position limit $2) n left join payloads b on b.position = n.position
             ) w where coalesce(w.before, 0) < $3)
           order by e.position`,
    values: [position, limit, READ_BYTES_MAX],
  })
  return rows.map((row) => ({
    position: row.position, type: row.body === null ? '' : row.type, session: row.session, sequence: row.sequence, subject: row.subject,
    time: row.time.getTime(), data: dataOf(row.body),
  }))
}
