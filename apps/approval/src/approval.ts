import { approvalEventSchemas, approvalEventTypes, type Approval, type ApprovalEvent, type ApprovalEventType, type ApprovalRequest, type ApprovalStatus, type Resolution } from '@sallyport/contracts/approval'
import { HELD_RELEASE_MS } from './limits.js'

/** Name of the aggregate in the event table. */
export const AGGREGATE = 'approval'

/** Current state of one approval: always a fold of its events. Times are ISO 8601 in UTC with milliseconds. */
export interface ApprovalState {
  readonly id: string
  readonly request: ApprovalRequest
  readonly status: ApprovalStatus
  readonly requestedAt: string
  /** While requested: until when it can be approved. Once approved: until when it can run. */
  readonly deadline: string
  readonly resolutions: readonly Resolution[]
  readonly releasedTo: { readonly proxy: string; readonly command: string } | null
  readonly version: number
}

/** The stored events of one approval contradict each other or their schemas. A defect or tampering: nothing is decided on them. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError'
  readonly code = 'history'
}

const DECIDED: ReadonlySet<ApprovalStatus> = new Set(['denied', 'withdrawn', 'expired', 'executed', 'lapsed'])

/** No event follows a terminal status. */
export const isTerminal = (status: ApprovalStatus): boolean => DECIDED.has(status)

/** Requested or approved: it still can run. */
export const isOpen = (status: ApprovalStatus): boolean => status === 'requested' || status === 'approved'

export const evolve = (state: ApprovalState | undefined, event: ApprovalEvent): ApprovalState => {
  if (event.type === approvalEventTypes.requested) {
    if (state !== undefined) throw new HistoryError(`approval ${state.id} was requested twice`)
    const { approval, request, at, expiresAt } = event.data
    return { id: approval, request, status: 'requested', requestedAt: at, deadline: expiresAt, resolutions: [], releasedTo: null, version: 1 }
  }
  if (state === undefined) throw new HistoryError(`the first event of approval ${event.data.approval} is ${event.type}`)
  if (isTerminal(state.status)) throw new HistoryError(`approval ${state.id} is ${state.status}, and ${event.type} follows`)
  const next = { ...state, status: event.data.status, version: state.version + 1 }
  switch (event.type) {
    case approvalEventTypes.resolutionRecorded: {
      const { by, groups, verdict, comment, at } = event.data
      return { ...next, resolutions: [...state.resolutions, { by, groups, verdict, comment, at }] }
    }
    case approvalEventTypes.approved: return { ...next, deadline: event.data.lapsesAt }
    case approvalEventTypes.released: return { ...next, releasedTo: event.data.releasedTo }
    case approvalEventTypes.denied:
    case approvalEventTypes.withdrawn:
    case approvalEventTypes.expired:
    case approvalEventTypes.executed:
    case approvalEventTypes.lapsed: return next
    default: return event satisfies never
  }
}

export const fold = (events: readonly ApprovalEvent[], state?: ApprovalState): ApprovalState | undefined =>
  events.reduce<ApprovalState | undefined>(evolve, state)

/** An event as it was stored. Throws HistoryError when it does not fit its schema. */
export const eventFrom = (stored: { readonly type: string; readonly data: unknown }): ApprovalEvent => {
  const schema = (approvalEventSchemas as Record<string, (typeof approvalEventSchemas)[ApprovalEventType] | undefined>)[stored.type]
  if (schema === undefined) throw new HistoryError(`no event of an approval: ${stored.type}`)
  const parsed = schema.safeParse(stored.data)
  if (!parsed.success) throw new HistoryError(`a stored ${stored.type} does not fit its schema`, { cause: parsed.error })
  return { type: stored.type, data: parsed.data } as ApprovalEvent
}

/** What every event says about its approval. `now` is epoch milliseconds. */
export const aboutOf = (id: string, request: ApprovalRequest, now: number) => ({
  approval: id,
  session: request.session,
  command: request.command,
  uid: request.principal.uid,
  connection: request.connection,
  action: request.action,
  at: isoTime(now),
})

export const isoTime = (epochMs: number): string => new Date(epochMs).toISOString()

/** The shortest wait that one of the needs allows, in milliseconds. */
export const expiryMs = (request: ApprovalRequest, capMs: number): number => Math.min(capMs, ...request.needs.map((need) => need.expiresMs))

/** How long an approval stays good, in milliseconds: a held command is released at once or its proxy is gone. */
export const lapseMs = (request: ApprovalRequest, capMs: number): number =>
  request.mode === 'hold' ? HELD_RELEASE_MS : expiryMs(request, capMs)

export const viewOf = (state: ApprovalState): Approval => ({
  ...state.request,
  id: state.id,
  status: state.status,
  requestedAt: state.requestedAt,
  expiresAt: state.deadline,
  resolutions: [...state.resolutions],
  version: state.version,
})
