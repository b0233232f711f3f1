import { readFileSync } from 'node:fs'
import { auditEventTypes } from '@sallyport/contracts/audit'
import { sessionEventTypes as types } from '@sallyport/contracts/session'
import type { FaultPlatform } from './fault-platform.js'
import type { Seen } from './workload.js'

const MARKER = /mk_[a-z0-9]+_[0-9]+[a-z0-9]*/g

interface Logged {
  readonly session: string
  readonly sequence: number
  readonly type: string
  readonly data: { readonly command?: string; readonly statement?: string; readonly parameters?: (string | null)[]; readonly decision?: { readonly outcome: string }; readonly finished?: { readonly command: string }[] }
}

/** What the log holds, read from its own table and not from what is derived from it. */
const readLog = async (platform: FaultPlatform): Promise<Logged[]> => {
  const rows = await platform.sql(platform.database, `
    select events.session, events.sequence::int, events.type, payloads.body
    from audit_store.events left join audit_store.payloads using (position) where events.session is not null order by events.position`)
  return rows.map((row) => ({ session: row['session'], sequence: row['sequence'], type: row['type'], data: JSON.parse((row['body'] as Buffer).toString('utf8')).data }) as Logged)
}

/** Markers of what the target ran, by its own log. */
export const executedByTarget = (platform: FaultPlatform): Set<string> => new Set(readFileSync(platform.target.logFile, 'utf8').match(MARKER) ?? [])

const ends: ReadonlySet<string> = new Set([types.completed, types.failed, types.cancelled, types.commandLost, types.commandRefused, types.withdrawn])

interface Command {
  readonly markers: readonly string[]
  readonly outcome: string
  readonly session: string
  released: boolean
  refused: boolean
  ended: boolean
}

/** `orphans`: sessions with the end of a command whose request is not in the log. */
const commandsOf = (log: readonly Logged[]): { readonly commands: Map<string, Command>; readonly orphans: Set<string> } => {
  const commands = new Map<string, Command>()
  const orphans = new Set<string>()
  for (const { type, session, data } of log) {
    if (type === types.requested) {
      const markers = [data.statement ?? '', ...(data.parameters ?? [])].flatMap((text) => text?.match(MARKER) ?? [])
      commands.set(data.command!, { markers, outcome: data.decision!.outcome, session, released: false, refused: false, ended: false })
    }
    for (const finish of data.finished ?? []) {
      const finished = commands.get(finish.command)
      if (finished === undefined) orphans.add(session)
      else finished.ended = true
    }
    const command = data.command === undefined ? undefined : commands.get(data.command)
    if (command === undefined) {
      if (data.command !== undefined) orphans.add(session)
      continue
    }
    if (type === types.released) command.released = true
    if (type === types.commandRefused || type === types.withdrawn) command.refused = true
    if (ends.has(type)) command.ended = true
  }
  return { commands, orphans }
}

/**
 * Numbers of a session are free of gaps. What a killed proxy had not published is lost with it, and nothing of that had an effect: then the
 * log says itself which numbers are missing, and that the session is lost.
 */
const sequenceFaults = (log: readonly Logged[], declared: ReadonlySet<string>): string[] => {
  const sessions = new Map<string, Logged[]>()
  for (const event of log) sessions.set(event.session, [...(sessions.get(event.session) ?? []), event])
  return [...sessions].flatMap(([session, events]) => {
    const lost = events.at(-1)!.type === types.lost
    const faults: string[] = []
    let expected = 1
    for (const { sequence } of events) {
      if (sequence !== expected && !(lost && declared.has(`${session} ${expected} ${sequence - 1}`))) faults.push(`session ${session}: after ${expected - 1} comes ${sequence}`)
      expected = sequence + 1
    }
    return faults
  })
}

/** The gaps that the log itself tells of. */
const declaredGaps = async (platform: FaultPlatform): Promise<Set<string>> => {
  const rows = await platform.sql(platform.database, `select payloads.body from audit_store.events join audit_store.payloads using (position) where events.type = '${auditEventTypes.gap}'`)
  return new Set(rows.map((row) => {
    const { session, from, to } = JSON.parse((row['body'] as Buffer).toString('utf8')).data as { session: string; from: number; to: number }
    return `${session} ${from} ${to}`
  }))
}

const minus = (all: ReadonlySet<string>, without: ReadonlySet<string>): string[] => [...all].filter((item) => !without.has(item))

const some = (items: Iterable<string>): string => [...items].slice(0, 8).join(' ')

export interface Verdict {
  readonly faults: string[]
  readonly counts: Readonly<Record<string, number>>
}

/** Holds what the clients saw and what the target ran against what the log has. */
export const judge = async (platform: FaultPlatform, seen: Seen): Promise<Verdict> => {
  const log = await readLog(platform)
  const declared = await declaredGaps(platform)
  const { commands: byId, orphans } = commandsOf(log)
  const commands = [...byId.values()]
  const withGap = new Set([...declared].map((gap) => gap.split(' ')[0]!))
  const executed = executedByTarget(platform)
  const allowed = new Set(commands.filter((command) => !command.refused && (command.outcome === 'allow' || (command.outcome === 'hold' && command.released))).flatMap((command) => command.markers))
  const closed = new Set(log.filter((event) => event.type === types.closed).map((event) => event.session))
  const faults = [...seen.wrong.slice(0, 10), ...sequenceFaults(log, declared).slice(0, 10)]
  const check = (what: string, found: Iterable<string>): void => {
    const text = some(found)
    if (text !== '') faults.push(`${what}: ${text}`)
  }
  check('run by the target and not in the log as requested and allowed', minus(executed, allowed))
  check('answered with success and not in the log as requested and allowed', minus(seen.succeeded, allowed))
  check('answered with success and not run by the target', minus(seen.succeeded, executed))
  check('the client was told that it was not run, and it was', [...seen.refused].filter((marker) => executed.has(marker)))
  check('commands without an end in sessions that were closed in order', commands.filter((command) => !command.ended && closed.has(command.session)).flatMap((command) => command.markers))
  // The request can only be missing together with its number.
  check('ends of commands whose request is not in the log, in sessions without a declared gap', minus(orphans, withGap))
  const [row] = await platform.sql(platform.database, 'select (select count(*)::int from audit_store.quarantine) as quarantined, (select count(*)::int from audit_store.gaps where resolved_at is null) as gaps')
  if (row!['quarantined'] !== 0) faults.push(`${row!['quarantined']} messages in quarantine`)
  if (row!['gaps'] !== 0) faults.push(`${row!['gaps']} open gaps`)
  return {
    faults,
    counts: { events: log.length, declaredGaps: declared.size, sessions: new Set(log.map((event) => event.session)).size, commands: commands.length, executed: executed.size, succeeded: seen.succeeded.size, refused: seen.refused.size, logins: seen.logins, maskedReads: seen.reads },
  }
}
