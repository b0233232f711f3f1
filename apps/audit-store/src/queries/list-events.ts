import type { listEvents } from '@sallyport/contracts/audit'
import { sql, type Kysely } from 'kysely'
import type { z } from 'zod'
import type { AuditTables } from '../schema/tables.js'
import { ofUid } from './list-sessions.js'
import { containing, decodeCursor, limitOf, pageOf } from './page.js'

/** Newest first unless asked otherwise. `event` is null when its payload was erased. Events of the control plane belong to no uid. */
export const findEvents = async (db: Kysely<AuditTables>, request: z.output<typeof listEvents.request>): Promise<z.input<typeof listEvents.response>> => {
  const limit = limitOf(request)
  const oldest = request.order === 'oldest'
  let query = db
    .selectFrom('events')
    .leftJoin('payloads', 'payloads.position', 'events.position')
    .selectAll('events')
    .select('payloads.body')
    .orderBy('events.position', oldest ? 'asc' : 'desc')
    .limit(limit + 1)
  const { uid } = request
  if (request.cursor !== undefined) query = query.where('events.position', oldest ? '>' : '<', decodeCursor(request.cursor))
  if (uid !== undefined) query = query.where((eb) => eb.exists(eb.selectFrom('sessions').select(sql`1`.as('one')).whereRef('sessions.id', '=', 'events.session').where(ofUid(uid))))
  if (request.from !== undefined) query = query.where('events.time', '>=', new Date(request.from))
  if (request.to !== undefined) query = query.where('events.time', '<', new Date(request.to))
  if (request.session !== undefined) query = query.where('events.session', '=', request.session)
  if (request.type !== undefined) query = query.where('events.type', '=', request.type)
  if (request.subject !== undefined) query = query.where('events.subject', '=', request.subject)
  if (request.text !== undefined) query = query.where(sql`convert_from(payloads.body, 'UTF8')`, 'ilike', containing(request.text))
  return pageOf(await query.execute(), limit, (row) => row.position, (row) => ({
    id: row.id, type: row.type, time: row.time.toISOString(), session: row.session, sequence: row.sequence, subject: row.subject, source: row.source,
    storedAt: row.stored_at.toISOString(), event: row.body === null ? null : JSON.parse(row.body.toString('utf8')) as Record<string, unknown>,
  }))
}
