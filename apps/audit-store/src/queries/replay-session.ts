import type { replay } from '@sallyport/contracts/audit'
import type { Kysely } from 'kysely'
import type { z } from 'zod'
import type { AuditTables, ResolutionRow } from '../schema/tables.js'
import { commandsWithApprovals, commandView, type CommandWithApproval } from './list-commands.js'
import { findSession, sessionView } from './list-sessions.js'
import { decodeCursor, limitOf, pageOf } from './page.js'

const resolutionsOf = async (db: Kysely<AuditTables>, approvals: readonly string[]): Promise<Map<string, ResolutionRow[]>> => {
  const byApproval = new Map<string, ResolutionRow[]>()
  if (approvals.length === 0) return byApproval
  const rows = await db.selectFrom('resolutions').selectAll().where('approval', 'in', approvals).orderBy('version').execute()
  for (const row of rows) byApproval.set(row.approval, [...(byApproval.get(row.approval) ?? []), row])
  return byApproval
}

/** A session's commands in the order of their numbers, with who said what about the held ones. */
export const replaySession = async (db: Kysely<AuditTables>, request: z.output<typeof replay.request>): Promise<z.input<typeof replay.response>> => {
  const session = await findSession(db, request)
  const limit = limitOf(request)
  let query = commandsWithApprovals(db).where('commands.session', '=', session.id).orderBy('commands.sequence').limit(limit + 1)
  if (request.cursor !== undefined) query = query.where('commands.sequence', '>', decodeCursor(request.cursor))
  const rows = await query.execute() as CommandWithApproval[]
  const resolutions = await resolutionsOf(db, rows.flatMap((row) => row.approval_id ?? []))
  const { items, next } = pageOf(rows, limit, (row) => row.sequence, (row) => ({
    ...commandView(row),
    resolutions: (resolutions.get(row.approval_id ?? '') ?? []).map((item) => ({ by: item.by, verdict: item.verdict, comment: item.comment, at: item.at.toISOString() })),
  }))
  return { session: sessionView(session), principal: session.principal, entries: items, next }
}
