import type { CommandView, listCommands } from '@sallyport/contracts/audit'
import { commandViewSchema } from '@sallyport/contracts/audit'
import { finishSchema, withResult } from '@sallyport/contracts/session'
import { sql, type Kysely } from 'kysely'
import { z } from 'zod'
import type { ApprovalRow, AuditTables, CommandRow } from '../schema/tables.js'
import { ofUid } from './list-sessions.js'
import { containing, decodeCursor, limitOf, pageOf } from './page.js'

export type CommandWithApproval = CommandRow & { readonly approval_status: ApprovalRow['status'] | null; readonly approvers: string[] | null }

const parametersSchema = z.array(z.string().nullable())
const decisionSchema = commandViewSchema.shape.decision

/** The approval's own word when it has come, else what the session's events say. */
const approvalOf = (row: CommandWithApproval): CommandView['approval'] => {
  if (row.approval_id === null) return null
  const fromSession = row.status === 'withdrawn' ? 'withdrawn' : row.approved_by === null ? 'requested' : 'released'
  return { id: row.approval_id, status: row.approval_status ?? fromSession, by: row.approvers ?? row.approved_by ?? [] }
}

/** Deeper parts are checked here and not when they are stored: what doesn't fit its schema is in the log, and null here. */
export const commandView = (row: CommandWithApproval): CommandView => {
  const finish = finishSchema.safeParse(row.finish)
  const parameters = parametersSchema.safeParse(row.parameters)
  const decision = decisionSchema.safeParse(row.decision)
  return {
    id: row.id, session: row.session, sequence: row.sequence, connection: row.connection, uid: row.uid, action: row.action, class: row.class,
    statement: row.statement, statementBytes: row.statement_bytes, parameters: parameters.success ? parameters.data : null,
    requestedAt: row.requested_at.toISOString(),
    decision: decision.success ? decision.data : { outcome: 'unknown', policies: [], reason: 'the event\'s decision has no known form', revision: 0 },
    approval: approvalOf(row), status: row.status as CommandView['status'],
    refusal: row.refusal_code === null ? null : { code: row.refusal_code, reason: row.refusal_reason ?? '' },
    finish: finish.success ? withResult(finish.data) : null,
  }
}

/** Commands with the approval they ran under, or wait for. */
export const commandsWithApprovals = (db: Kysely<AuditTables>) => db
  .selectFrom('commands')
  .leftJoin('approvals', 'approvals.id', 'commands.approval_id')
  .selectAll('commands')
  .select(['approvals.status as approval_status'])
  .select(sql<string[] | null>`(select array_agg(distinct r.by order by r.by) from resolutions r where r.approval = commands.approval_id)`.as('approvers'))

/** Newest first. */
export const findCommands = async (db: Kysely<AuditTables>, request: z.output<typeof listCommands.request>): Promise<z.input<typeof listCommands.response>> => {
  const limit = limitOf(request)
  let query = commandsWithApprovals(db).orderBy('commands.position', 'desc').limit(limit + 1)
  const { uid } = request
  if (request.cursor !== undefined) query = query.where('commands.position', '<', decodeCursor(request.cursor))
  if (uid !== undefined) query = query.where((eb) => eb.exists(eb.selectFrom('sessions').select(sql`1`.as('one')).whereRef('sessions.id', '=', 'commands.session').where(ofUid(uid))))
  if (request.from !== undefined) query = query.where('commands.requested_at', '>=', new Date(request.from))
  if (request.to !== undefined) query = query.where('commands.requested_at', '<', new Date(request.to))
  if (request.session !== undefined) query = query.where('commands.session', '=', request.session)
  if (request.connection !== undefined) query = query.where('commands.connection', '=', request.connection)
  if (request.action !== undefined) query = query.where('commands.action', '=', request.action)
  if (request.status !== undefined) query = query.where('commands.status', '=', request.status)
  if (request.text !== undefined) query = query.where('commands.statement', 'ilike', containing(request.text))
  return pageOf(await query.execute() as CommandWithApproval[], limit, (row) => row.position, commandView)
}
