import type { SessionView } from '@sallyport/contracts/audit'
import { getSession, listSessions } from '@sallyport/contracts/audit'
import { RpcError } from '@sallyport/contracts/rpc'
import { sql, type ExpressionBuilder, type Kysely, type SqlBool, type Expression } from 'kysely'
import type { z } from 'zod'
import type { AuditTables, SessionRow } from '../schema/tables.js'
import { decodeCursor, limitOf, pageOf } from './page.js'

export const sessionView = (row: SessionRow): SessionView => ({
  id: row.id, connection: row.connection, protocol: row.protocol, proxy: row.proxy, uid: row.uid, onBehalfOf: row.on_behalf_of,
  sourceAddress: row.source_address, status: row.status as SessionView['status'], openedAt: row.opened_at.toISOString(),
  closedAt: row.closed_at?.toISOString() ?? null, reason: row.reason, commands: row.commands, lastSequence: row.last_sequence,
})

/** The principal's own sessions, and those on its behalf. */
export const ofUid = (uid: string) => (eb: ExpressionBuilder<AuditTables, 'sessions'>): Expression<SqlBool> =>
  eb.or([eb('sessions.uid', '=', uid), sql<SqlBool>`${uid} = any(sessions.on_behalf_of)`])

/** Newest first. */
export const findSessions = async (db: Kysely<AuditTables>, request: z.output<typeof listSessions.request>): Promise<z.input<typeof listSessions.response>> => {
  const limit = limitOf(request)
  let query = db.selectFrom('sessions').selectAll().orderBy('position', 'desc').limit(limit + 1)
  if (request.cursor !== undefined) query = query.where('position', '<', decodeCursor(request.cursor))
  if (request.uid !== undefined) query = query.where(ofUid(request.uid))
  if (request.from !== undefined) query = query.where('opened_at', '>=', new Date(request.from))
  if (request.to !== undefined) query = query.where('opened_at', '<', new Date(request.to))
  if (request.connection !== undefined) query = query.where('connection', '=', request.connection)
  if (request.status !== undefined) query = query.where('status', '=', request.status)
  return pageOf(await query.execute(), limit, (row) => row.position, sessionView)
}

/** Throws RpcError `not-found`, also for a session that the uid may not see: that it exists is not told. */
export const findSession = async (db: Kysely<AuditTables>, request: z.output<typeof getSession.request>): Promise<SessionRow> => {
  let query = db.selectFrom('sessions').selectAll().where('id', '=', request.id)
  if (request.uid !== undefined) query = query.where(ofUid(request.uid))
  const row = await query.executeTakeFirst()
  if (row === undefined) throw new RpcError('not-found', `there is no session ${request.id.slice(0, 60)}`)
  return row
}
