/** A session as its `opened` (or `refused`) event tells it. */
export interface SessionDraft {
  readonly id: string
  readonly position: number
  readonly connection: string
  readonly protocol: string
  readonly proxy: string
  readonly uid: string
  readonly onBehalfOf: readonly string[]
  /** JSON text. */
  readonly principal: string
  readonly sourceAddress: string
  readonly status: 'open' | 'refused'
  /** Epoch milliseconds. */
  readonly openedAt: number
  readonly closedAt: number | null
  readonly reason: string | null
}

export type CommandStatus = 'requested' | 'held' | 'released' | 'refused' | 'withdrawn' | 'completed' | 'failed' | 'cancelled' | 'lost'

export interface CommandDraft {
  readonly id: string
  readonly position: number
  readonly session: string
  readonly sequence: number
  readonly action: string
  readonly class: string
  readonly statement: string
  readonly statementBytes: number
  /** JSON texts. */
  readonly parameters: string | null
  readonly requestedAt: number
  readonly decision: string
}

/** What a later event says of a command; absent fields stay as they are. */
export interface CommandPatch {
  readonly status?: CommandStatus
  readonly approvalId?: string
  readonly approvedBy?: readonly string[]
  readonly refusalCode?: string
  readonly refusalReason?: string
  /** JSON text. */
  readonly finish?: string
}

/** What one event changes in the projections. */
export type Change =
  | { readonly kind: 'session-opened'; readonly session: SessionDraft }
  | { readonly kind: 'session-ended'; readonly session: string; readonly status: 'closed' | 'lost'; readonly at: number; readonly reason: string }
  | { readonly kind: 'command-requested'; readonly command: CommandDraft }
  | { readonly kind: 'command-changed'; readonly session: string; readonly command: string; readonly patch: CommandPatch }
  | { readonly kind: 'approval-changed'; readonly approval: string; readonly session: string; readonly command: string; readonly status: string; readonly version: number }
  | { readonly kind: 'resolution-recorded'; readonly approval: string; readonly version: number; readonly by: string; readonly verdict: string; readonly comment: string; readonly at: number }
