import { isDeepStrictEqual } from 'node:util'
import { publishedEvents, publisherOf } from '@sallyport/contracts/catalogue'
import { eventSchema, type SallyportEvent } from '@sallyport/contracts/events'
import type { Bus, Stop } from '@sallyport/messaging'

export interface EventTap {
  /** How many events of each type went by. */
  readonly types: ReadonlyMap<string, number>
  /** What did not fit its contract, each fault once. */
  readonly faults: ReadonlySet<string>
  readonly stop: Stop
}

/** What of an event is not as its contract says: exactly, so that a field which no schema names is a fault too. */
export const faultOf = (event: SallyportEvent, subject: string): string | undefined => {
  const envelope = eventSchema.safeParse(event)
  if (!envelope.success) return `envelope: ${envelope.error.message}`
  if (!isDeepStrictEqual(envelope.data, event)) return 'envelope: a field that the schema does not name'
  const publisher = publisherOf(subject)
  const schema = publisher === undefined ? undefined : publishedEvents[publisher][event.type]
  if (schema === undefined) return `a type that no contract names on ${subject}`
  const data = schema.safeParse(event.data)
  if (!data.success) return data.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
  return isDeepStrictEqual(data.data, event.data) ? undefined : `a field that the schema does not name or fills in: ${JSON.stringify(Object.keys(event.data))}`
}

/** Hears every event that is published, and holds it to its contract. */
export const tapEvents = (bus: Bus): EventTap => {
  const types = new Map<string, number>()
  const faults = new Set<string>()
  const stop = bus.subscribe('sallyport.evt.>', (batch, subject) => {
    for (const event of batch as SallyportEvent[]) {
      types.set(event.type, (types.get(event.type) ?? 0) + 1)
      const fault = faultOf(event, subject)
      if (fault !== undefined) faults.add(`${event.type}: ${fault}`)
    }
  })
  return { types, faults, stop }
}
