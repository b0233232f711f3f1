import { commandViewSchema, eventViewSchema, getSession, listCommands, listEvents, listSessions, replay, sessionViewSchema } from '@sallyport/contracts/audit'
import { at, listOf, page, RpcError } from '@sallyport/contracts/rpc'
import { killSession } from '@sallyport/contracts/session'
import { z } from 'zod'
import { Problem } from '../http/problem.js'
import { route, type Answer, type Caller, type Route } from '../http/route.js'
import { asciicast, playedCommand, recordedFrames, recordedOutput } from '../replay/recording.js'
import { renderEntry, renderFooter, renderHeader, type ReplayEntry } from '../replay/render.js'
import type { Services } from '../services.js'
import { limitSchema } from './lists.js'

const PAGE_MAX = 1000
const REPLAY_PAGE = 200
const range = { from: z.iso.datetime().optional(), to: z.iso.datetime().optional() }
const paged = { limit: limitSchema, cursor: page.cursor }
const text = z.string().max(500).optional()
const sessionsQuery = z.object({ ...paged, ...range, uid: text, connection: text, status: text }).strict()
const sessionCommandsQuery = z.object({ ...paged, ...range, action: text, status: text, text }).strict()
const commandsQuery = z.object({ ...sessionCommandsQuery.shape, uid: text, session: text, connection: text }).strict()
const eventsQuery = z.object({ ...paged, ...range, uid: text, session: text, type: text, text, format: z.enum(['json', 'ndjson']).default('json') }).strict()
const replayQuery = z.object({ ...paged, format: z.enum(['json', 'text', 'asciicast']).default('json'), command: text }).strict()

/** Auditors see everything and may narrow it to one uid; everybody else sees his own, whatever he asks for. */
const scopeOf = (caller: Caller, asked?: string): { uid?: string } => {
  if (caller.roles.has('auditor')) return asked === undefined ? {} : { uid: asked }
  if (asked !== undefined && asked !== caller.principal.uid) throw new Problem('forbidden', 'Only auditors see what others did.')
  return { uid: caller.principal.uid }
}

/** Admins end sessions, so they see which there are; what was done in them is the auditors' business. */
const sessionScopeOf = (caller: Caller, asked?: string): { uid?: string } =>
  (caller.roles.has('admin') ? (asked === undefined ? {} : { uid: asked }) : scopeOf(caller, asked))

/** All pages from here on, one event a line. */
const eventLines = async function* ({ bus }: Services, query: Omit<z.output<typeof eventsQuery>, 'format'>, signal: AbortSignal): AsyncIterable<string> {
  let cursor = query.cursor
  do {
    const found: z.infer<typeof listEvents.response> = await bus.call(listEvents, { ...query, limit: query.limit ?? PAGE_MAX, ...(cursor === undefined ? {} : { cursor }) }, { signal })
    yield found.items.map((item) => `${JSON.stringify(item)}\n`).join('')
    cursor = found.next ?? undefined
  } while (cursor !== undefined && !signal.aborted)
}

/** With the beginning of what each command streamed. One that has ended says whether anything of it was recorded. */
const withOutput = async ({ bus }: Services, entry: ReplayEntry, scope: { uid?: string }, signal: AbortSignal): Promise<ReplayEntry> => {
  const may = entry.finish === null ? ['requested', 'released', 'lost'].includes(entry.status) : (entry.finish.recorded ?? 0) > 0
  const output = may ? await recordedOutput(bus, { session: entry.session, command: entry.id, ...scope }, signal) : undefined
  return output === undefined ? entry : { ...entry, output }
}

const replayCast = async function* ({ bus }: Services, id: string, asked: string | undefined, scope: { uid?: string }, signal: AbortSignal): AsyncIterable<string> {
  const session = await bus.call(getSession, { id, ...scope })
  const command = asked ?? await playedCommand(bus, { session: id, ...scope }, signal)
  yield* asciicast(session, recordedFrames(bus, { session: id, command, ...scope }, signal))
}

const replayText = async function* (services: Services, id: string, scope: { uid?: string }, signal: AbortSignal): AsyncIterable<string> {
  let cursor: string | undefined
  let count = 0
  for (;;) {
    const part: z.infer<typeof replay.response> = await services.bus.call(replay, { id, ...scope, limit: REPLAY_PAGE, ...(cursor === undefined ? {} : { cursor }) }, { signal })
    if (cursor === undefined) yield renderHeader(part.session, part.principal)
    for (const entry of part.entries) {
      count += 1
      yield renderEntry(await withOutput(services, entry, scope, signal), count, part.session)
    }
    if (part.next === null) return yield renderFooter(part.session, count)
    cursor = part.next
  }
}

const sessionRoutes: Route[] = [
  route({
    method: 'GET', path: '/v1/sessions', access: 'anyone', summary: 'List sessions: one\'s own and those on one\'s behalf; for auditors and admins all', query: sessionsQuery, reply: listOf(sessionViewSchema),
    handle: async ({ query: { uid, ...query }, caller }, { bus }) => ({ body: await bus.call(listSessions, { ...query, ...sessionScopeOf(caller, uid) }) }),
  }),
  route({ method: 'GET', path: '/v1/sessions/{id}', access: 'anyone', summary: 'Read one session', reply: sessionViewSchema, handle: async ({ params, caller }, { bus }) => ({ body: await bus.call(getSession, { id: params['id']!, ...sessionScopeOf(caller) }) }) }),
  route({
    method: 'DELETE', path: '/v1/sessions/{id}', access: 'anyone', summary: 'End a session at once: one\'s own; for admins any',
    handle: async ({ params, caller }, { bus }) => {
      const session = await bus.call(getSession, { id: params['id']!, ...(caller.roles.has('admin') ? {} : { uid: caller.principal.uid }) })
      if (session.status !== 'open') throw new Problem('conflict', `The session is ${session.status} already.`)
      const { killed } = await bus.call(at(killSession, session.proxy), { session: session.id, reason: `ended by ${caller.principal.uid}` })
      if (!killed) throw new RpcError('conflict', 'The proxy has no such session any more.')
      return {}
    },
  }),
  route({
    method: 'GET', path: '/v1/sessions/{id}/commands', access: 'anyone', summary: 'List a session\'s commands', query: sessionCommandsQuery, reply: listOf(commandViewSchema),
    handle: async ({ params, query, caller }, { bus }) => {
      const { id } = await bus.call(getSession, { id: params['id']!, ...scopeOf(caller) })
      return { body: await bus.call(listCommands, { ...query, session: id, ...scopeOf(caller) }) }
    },
  }),
  route({
    method: 'GET', path: '/v1/sessions/{id}/replay', access: 'anyone', summary: 'Everything an investigator sees of a session, in order; text comes whole, a terminal as asciicast v2', query: replayQuery, reply: replay.response, mediaTypes: ['application/json', 'text/plain', 'application/x-asciicast'],
    handle: async ({ params, query: { format, command, ...query }, caller, signal }, services): Promise<Answer> => {
      const scope = scopeOf(caller)
      if (format === 'asciicast') return { text: replayCast(services, params['id']!, command, scope, signal), mediaType: 'application/x-asciicast' }
      if (format === 'text') return { text: replayText(services, params['id']!, scope, signal) }
      const part = await services.bus.call(replay, { id: params['id']!, ...query, ...scope })
      return { body: { ...part, entries: await Promise.all(part.entries.map((entry) => withOutput(services, entry, scope, signal))) } }
    },
  }),
]

export const auditRoutes: readonly Route[] = [
  ...sessionRoutes,
  route({
    method: 'GET', path: '/v1/commands', access: 'anyone', summary: 'Search commands: one\'s own and those on one\'s behalf; for auditors all', query: commandsQuery, reply: listOf(commandViewSchema),
    handle: async ({ query: { uid, ...query }, caller }, { bus }) => ({ body: await bus.call(listCommands, { ...query, ...scopeOf(caller, uid) }) }),
  }),
  route({
    method: 'GET', path: '/v1/events', access: 'anyone', summary: 'Search events: of one\'s own sessions; for auditors all; ndjson streams every page', query: eventsQuery, reply: listOf(eventViewSchema), mediaTypes: ['application/json', 'application/x-ndjson'],
    handle: async ({ query: { uid, format, ...query }, caller, signal }, services): Promise<Answer> => {
      const scoped = { ...query, ...scopeOf(caller, uid) }
      if (format === 'ndjson') return { text: eventLines(services, scoped, signal), mediaType: 'application/x-ndjson; charset=utf-8' }
      return { body: await services.bus.call(listEvents, scoped) }
    },
  }),
]
