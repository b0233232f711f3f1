/** Rows as the queries read them. `events` and `payloads` are written by `ledger/` alone, projections by `projection/` alone. */
export interface AuditTables {
  events: {
    position: number
    id: string
    type: string
    session: string | null
    sequence: number
    subject: string
    source: string
    time: Date
    stored_at: Date
    commitment: Buffer
  }
  /** Erasable: without its row an event keeps its place and its commitment, and nothing can be guessed from it. */
  payloads: { position: number; salt: Buffer; body: Buffer }
  sequencer: { single: boolean; epoch: number; position: number; stream_sequence: number; stream_created: string }
  session_heads: { session: string; proxy: string; sequence: number; lost_at: number | null; ended: boolean }
  gaps: { session: string; from_sequence: number; to_sequence: number; kind: string; opened_at: Date; resolved_at: Date | null; resolution: string | null }
  withheld: { session: string; sequence: number; proxy: string; body: Buffer }
  quarantine: { number: number; reason: string; detail: string; origin: string; session: string | null; sequence: number | null; position: number | null; body: Buffer | null; digest: Buffer; at: Date }
  projection_checkpoints: { name: string; position: number }
  sessions: SessionRow
  commands: CommandRow
  approvals: ApprovalRow
  resolutions: ResolutionRow
}

export interface SessionRow {
  id: string
  /** Of its first event; the cursor of lists. */
  position: number
  connection: string
  protocol: string
  proxy: string
  uid: string
  on_behalf_of: string[]
  principal: Record<string, unknown>
  source_address: string
  status: string
  opened_at: Date
  closed_at: Date | null
  reason: string | null
  commands: number
  last_sequence: number
}

export interface CommandRow {
  id: string
  position: number
  session: string
  sequence: number
  connection: string
  uid: string
  action: string
  class: string
  statement: string
  statement_bytes: number
  parameters: unknown
  requested_at: Date
  decision: unknown
  status: string
  approval_id: string | null
  approved_by: string[] | null
  refusal_code: string | null
  refusal_reason: string | null
  finish: unknown
}

export interface ApprovalRow {
  id: string
  session: string
  command: string
  status: string
  version: number
}

export interface ResolutionRow {
  approval: string
  version: number
  by: string
  verdict: string
  comment: string
  at: Date
}
