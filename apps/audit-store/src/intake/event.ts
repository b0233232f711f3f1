/** Who published an event: known from the bus subject, which the bus lets nobody else use, never from the event itself. */
export type Origin =
  | { readonly kind: 'proxy'; readonly proxy: string }
  | { readonly kind: 'service'; readonly service: string }
  | { readonly kind: 'store' }

/** One event with its envelope checked. `body` is exactly what was published, `data` unchecked. */
export interface Incoming {
  readonly origin: Origin
  readonly id: string
  readonly type: string
  readonly source: string
  readonly subject: string
  /** Epoch milliseconds. */
  readonly time: number
  /** Null for an event of the control plane. */
  readonly session: string | null
  readonly sequence: number
  readonly data: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

export type QuarantineReason =
  | 'not-a-batch'
  | 'not-json'
  | 'not-utf8'
  | 'envelope'
  | 'wrong-subject'
  | 'foreign-proxy'
  | 'fenced'
  | 'late'
  | 'conflict'
  | 'nul'
  | 'data'

/** Bytes that are kept aside with an alarm. `position` when the event is stored all the same, and only not projected as it is. */
export interface Quarantined {
  readonly reason: QuarantineReason
  readonly detail: string
  readonly origin: string
  readonly session: string | null
  readonly sequence: number | null
  readonly position: number | null
  readonly body: Buffer | null
}
