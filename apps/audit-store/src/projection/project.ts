import { approvalEventSchemas, approvalEventTypes, type ApprovalEventType } from '@sallyport/contracts/approval'
import {
  commandHeldSchema, commandRefusedSchema, commandReleasedSchema, commandWithdrawnSchema, sessionClosedSchema, sessionEventTypes,
  sessionLostSchema, sessionOpenedSchema, sessionRefusedSchema,
} from '@sallyport/contracts/session'
import type { z } from 'zod'
import type { Change, CommandPatch } from './changes.js'

/** A stored event, as far as projections read it. */
export interface Projectable {
  readonly position: number
  readonly type: string
  readonly session: string | null
  readonly sequence: number
  readonly subject: string
  /** Epoch milliseconds. */
  readonly time: number
  readonly data: Readonly<Record<string, unknown>>
}

/** `fault`: the data are not what the type promises; the event is kept, and nothing is projected of it. */
export type Projection = { readonly kind: 'changes'; readonly changes: readonly Change[] } | { readonly kind: 'fault'; readonly detail: string }

const NOTHING: Projection = { kind: 'changes', changes: [] }
const of = (...changes: readonly Change[]): Projection => ({ kind: 'changes', changes })
const fault = (detail: string): Projection => ({ kind: 'fault', detail })

const parsed = <S extends z.ZodType>(schema: S, event: Projectable, use: (data: z.output<S>) => Projection): Projection => {
  const result = schema.safeParse(event.data)
  return result.success ? use(result.data) : fault(result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ').slice(0, 400))
}

const endings = new Set(['completed', 'failed', 'cancelled', 'lost'])

/** `finish` by hand, as it comes with nearly every command; what is inside is checked by whoever reads it. */
const finished = (session: string, finish: unknown): Change | undefined => {
  if (typeof finish !== 'object' || finish === null) return undefined
  const { command, outcome, durationUs, bytesOut } = finish as Record<string, unknown>
  if (typeof command !== 'string' || typeof outcome !== 'string' || !endings.has(outcome) || !Number.isSafeInteger(durationUs) || !Number.isSafeInteger(bytesOut)) return undefined
  return { kind: 'command-changed', session, command, patch: { status: outcome as 'completed', finish: JSON.stringify(finish) } }
}

const requested = (session: string, event: Projectable): Projection => {
  const { command, action, class: actionClass, statement, statementBytes, parameters, decision, finished: endsOf } = event.data
  if (typeof command !== 'string' || typeof action !== 'string' || typeof actionClass !== 'string' || typeof statement !== 'string') return fault('command, action, class or statement')
  if (!Number.isSafeInteger(statementBytes)) return fault('statementBytes')
  if (typeof decision !== 'object' || decision === null) return fault('decision')
  const { outcome, policies, revision } = decision as Record<string, unknown>
  if (typeof outcome !== 'string' || !Array.isArray(policies) || !Number.isSafeInteger(revision)) return fault('decision')
  if (parameters !== undefined && !Array.isArray(parameters)) return fault('parameters')
  if (endsOf !== undefined && !Array.isArray(endsOf)) return fault('finished')
  const changes: Change[] = []
  for (const finish of endsOf ?? []) {
    const change = finished(session, finish)
    if (change === undefined) return fault('finished')
    changes.push(change)
  }
  changes.push({
    kind: 'command-requested',
    command: {
      id: command, position: event.position, session, sequence: event.sequence, action, class: actionClass, statement,
      statementBytes: statementBytes as number, parameters: parameters === undefined ? null : JSON.stringify(parameters),
      requestedAt: event.time, decision: JSON.stringify(decision),
    },
  })
  return { kind: 'changes', changes }
}

const changed = (session: string, command: string, patch: CommandPatch): Projection => of({ kind: 'command-changed', session, command, patch })

const opened = (session: string, event: Projectable): Projection => parsed(sessionOpenedSchema, event, (data) => of({
  kind: 'session-opened',
  session: {
    id: session, position: event.position, connection: data.connection, protocol: data.protocol, proxy: data.proxy, uid: data.principal.uid,
    onBehalfOf: data.principal.chain.map((party) => party.uid), principal: JSON.stringify(data.principal), sourceAddress: data.sourceAddress,
    status: 'open', openedAt: event.time, closedAt: null, reason: null,
  },
}))

const sessionRefused = (session: string, event: Projectable): Projection => parsed(sessionRefusedSchema, event, (data) => of({
  kind: 'session-opened',
  session: {
    id: session, position: event.position, connection: data.connection ?? '', protocol: data.protocol, proxy: data.proxy, uid: data.principal?.uid ?? '',
    onBehalfOf: data.principal?.chain.map((party) => party.uid) ?? [], principal: JSON.stringify(data.principal ?? {}), sourceAddress: data.sourceAddress,
    status: 'refused', openedAt: event.time, closedAt: event.time, reason: data.reason,
  },
}))

const ofSession = (session: string, event: Projectable): Projection => {
  switch (event.type) {
    case sessionEventTypes.requested: return requested(session, event)
    case sessionEventTypes.completed:
    case sessionEventTypes.failed:
    case sessionEventTypes.cancelled:
    case sessionEventTypes.commandLost: {
      const change = finished(session, event.data)
      return change === undefined ? fault('finish') : of(change)
    }
    case sessionEventTypes.opened: return opened(session, event)
    case sessionEventTypes.refused: return sessionRefused(session, event)
    case sessionEventTypes.closed:
      return parsed(sessionClosedSchema, event, (data) => of({ kind: 'session-ended', session, status: 'closed', at: event.time, reason: data.reason }))
    case sessionEventTypes.lost:
      return parsed(sessionLostSchema, event, (data) => of({ kind: 'session-ended', session, status: 'lost', at: event.time, reason: data.reason }))
    case sessionEventTypes.held:
      return parsed(commandHeldSchema, event, (data) => changed(session, data.command, { status: 'held', approvalId: data.approval }))
    case sessionEventTypes.released:
      return parsed(commandReleasedSchema, event, (data) => changed(session, data.command, { status: 'released', approvalId: data.approval, approvedBy: data.approvedBy }))
    case sessionEventTypes.withdrawn:
      return parsed(commandWithdrawnSchema, event, (data) => changed(session, data.command, { status: 'withdrawn', approvalId: data.approval, refusalCode: 'withdrawn', refusalReason: data.reason }))
    case sessionEventTypes.commandRefused:
      return parsed(commandRefusedSchema, event, (data) => changed(session, data.command, {
        status: 'refused', refusalCode: data.code, refusalReason: data.reason, ...(data.approval === undefined ? {} : { approvalId: data.approval }),
      }))
    default: return NOTHING
  }
}

const isApproval = (type: string): type is ApprovalEventType => Object.hasOwn(approvalEventSchemas, type)

const ofApproval = (type: ApprovalEventType, event: Projectable): Projection => parsed(approvalEventSchemas[type], event, (data) => {
  const change: Change = { kind: 'approval-changed', approval: data.approval, session: data.session, command: data.command, status: data.status, version: event.sequence }
  if (type !== approvalEventTypes.resolutionRecorded || !('verdict' in data)) return of(change)
  return of(change, { kind: 'resolution-recorded', approval: data.approval, version: event.sequence, by: data.by, verdict: data.verdict, comment: data.comment, at: Date.parse(data.at) })
})

/** What an event changes. Pure; an unknown type changes nothing. */
export const project = (event: Projectable): Projection => {
  if (event.session !== null) return ofSession(event.session, event)
  return isApproval(event.type) ? ofApproval(event.type, event) : NOTHING
}
