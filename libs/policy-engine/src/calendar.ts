import { calendarFacts, type CalendarFact } from './schema.js'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/** The calendar facts at an instant (epoch milliseconds), in UTC. */
export const calendarAt = (nowMs: number): Record<CalendarFact, number | boolean | string> => {
  const now = new Date(nowMs)
  const weekday = now.getUTCDay() === 0 ? 7 : now.getUTCDay()
  return { weekday, hour: now.getUTCHours(), minute: now.getUTCMinutes(), weekend: weekday >= 6, date: now.toISOString().slice(0, 10) }
}

const nextChange = (fact: CalendarFact, nowMs: number): number => {
  const next = (unitMs: number): number => (Math.floor(nowMs / unitMs) + 1) * unitMs
  switch (fact) {
    case 'minute': return next(MINUTE_MS)
    case 'hour': return next(HOUR_MS)
    case 'weekday':
    case 'date': return next(DAY_MS)
    case 'weekend': {
      const { weekday, weekend } = calendarAt(nowMs)
      return next(DAY_MS) + ((weekend === true ? 7 : 5) - Number(weekday)) * DAY_MS
    }
    default: return fact satisfies never
  }
}

/** When the first of these facts changes next (epoch milliseconds), or null when there is none. */
export const validUntil = (facts: readonly CalendarFact[], nowMs: number): number | null =>
  facts.length === 0 ? null : Math.min(...facts.map((fact) => nextChange(fact, nowMs)))

export const calendarFactsIn = (names: ReadonlySet<string>): CalendarFact[] => calendarFacts.filter((fact) => names.has(fact))
