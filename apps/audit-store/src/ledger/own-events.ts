import { auditEventTypes } from '@sallyport/contracts/audit'
import { sequenceText } from '@sallyport/contracts/events'
import { newUuid } from '@sallyport/contracts/ids'
import { sessionEventTypes } from '@sallyport/contracts/session'
import type { SessionState } from '../admission/session-state.js'
import type { Incoming } from '../intake/event.js'

interface Own {
  readonly type: string
  readonly subject: string
  readonly session: string | null
  readonly sequence: number
  readonly data: Record<string, unknown>
}

const ownEvent = (own: Own, source: string): Incoming => {
  const id = newUuid()
  const time = new Date()
  const from = `sallyport/audit-store/${source}`
  const text = JSON.stringify({
    specversion: '1.0', id, source: from, type: own.type, subject: own.subject, time: time.toISOString(),
    ...(own.session === null ? {} : { session: own.session }), sequence: sequenceText(own.sequence), data: own.data,
  })
  return { origin: { kind: 'store' }, id, source: from, type: own.type, subject: own.subject, time: time.getTime(), session: own.session, sequence: own.sequence, data: own.data, body: Buffer.from(text) }
}

/** Says that the open gap of a session was given up. Its subject is the session, its sequence the first number that is missing. */
export const gapEvent = (state: SessionState, source: string, reason: string): Incoming =>
  ownEvent({
    type: auditEventTypes.gap,
    subject: state.session,
    session: null,
    sequence: state.head + 1,
    data: { session: state.session, proxy: state.proxy, from: state.head + 1, to: state.gap?.to ?? state.head + 1, reason },
  }, source)

/** Ends a session in the stead of its proxy. */
export const lostEvent = (state: SessionState, source: string, reason: string): Incoming =>
  ownEvent({
    type: sessionEventTypes.lost,
    subject: state.session,
    session: state.session,
    sequence: state.head + 1,
    data: { proxy: state.proxy, reason, lastSequence: state.head },
  }, source)
