import { z } from 'zod'
import { finishSchema } from '../session/index.js'
import { empty, listOf, page, rpc } from '../rpc/index.js'

/** After each commit the store tells each proxy how far its sessions are stored: `[session, sequence]` pairs, core NATS. */
export const storedSubject = (proxy: string): string => `sallyport.stored.${proxy}`
export const storedSchema = z.object({ sessions: z.array(z.tuple([z.string(), z.number().int()])) })
/** A proxy asks for its watermarks again (after a reconnect, or when an acknowledgement seems lost). */
export const watermarks = rpc('sallyport.rpc.audit.watermarks', z.object({ sessions: z.array(z.string()).max(10_000) }), storedSchema)

export const sessionViewSchema = z.object({
  id: z.string(), connection: z.string(), protocol: z.string(), proxy: z.string(),
  uid: z.string(), onBehalfOf: z.array(z.string()), sourceAddress: z.string(),
  status: z.enum(['open', 'closed', 'refused', 'lost']),
  openedAt: z.iso.datetime(), closedAt: z.iso.datetime().nullable(), reason: z.string().nullable(),
  commands: z.number().int(), lastSequence: z.number().int(),
})
export type SessionView = z.infer<typeof sessionViewSchema>

export const commandViewSchema = z.object({
  id: z.string(), session: z.string(), sequence: z.number().int(), connection: z.string(), uid: z.string(),
  action: z.string(), class: z.string(), statement: z.string(), statementBytes: z.number().int(), parameters: z.array(z.string().nullable()).nullable(),
  requestedAt: z.iso.datetime(),
  decision: z.object({ outcome: z.string(), policies: z.array(z.string()), reason: z.string().optional(), revision: z.number().int() }),
  approval: z.object({ id: z.string(), status: z.string(), by: z.array(z.string()) }).nullable(),
  status: z.enum(['requested', 'held', 'released', 'refused', 'withdrawn', 'completed', 'failed', 'cancelled', 'lost']),
  refusal: z.object({ code: z.string(), reason: z.string() }).nullable(),
  finish: finishSchema.omit({ resultDeflated: true }).nullable(),
})
export type CommandView = z.infer<typeof commandViewSchema>

export const eventViewSchema = z.object({ id: z.string(), type: z.string(), time: z.iso.datetime(), session: z.string().nullable(), sequence: z.number().int(), subject: z.string(), source: z.string(), storedAt: z.iso.datetime(), event: z.record(z.string(), z.unknown()).nullable() })

/** `uid` restricts to sessions of that principal or on its behalf: what a person without a role may see. */
const scope = { uid: z.string().optional() }
const range = { from: z.iso.datetime().optional(), to: z.iso.datetime().optional() }
export const listSessions = rpc('sallyport.rpc.audit.sessions', z.object({ ...page, ...scope, ...range, connection: z.string().optional(), status: z.string().optional() }), listOf(sessionViewSchema))
export const getSession = rpc('sallyport.rpc.audit.session', z.object({ id: z.string(), ...scope }), sessionViewSchema)
export const listCommands = rpc('sallyport.rpc.audit.commands', z.object({ ...page, ...scope, ...range, session: z.string().optional(), connection: z.string().optional(), action: z.string().optional(), status: z.string().optional(), text: z.string().optional() }), listOf(commandViewSchema))
export const listEvents = rpc('sallyport.rpc.audit.events', z.object({ ...page, ...scope, ...range, session: z.string().optional(), type: z.string().optional(), subject: z.string().optional(), text: z.string().optional(), order: z.enum(['newest', 'oldest']).default('newest') }), listOf(eventViewSchema))
/** Everything an investigator sees of a session, in order. */
export const replay = rpc('sallyport.rpc.audit.replay', z.object({ id: z.string(), ...scope, ...page }), z.object({
  session: sessionViewSchema, principal: z.record(z.string(), z.unknown()),
  entries: z.array(commandViewSchema.extend({
    resolutions: z.array(z.object({ by: z.string(), verdict: z.string(), comment: z.string(), at: z.iso.datetime() })),
    /** The beginning of what it streamed, where that is asked for and was recorded. */
    output: z.object({ text: z.string(), truncated: z.boolean(), terminal: z.boolean() }).optional(),
  })),
  next: z.string().nullable(),
}))
/**
 * What the store knows of its own health. `lag`: messages of the event stream not yet stored; `projectionLag`: events stored and
 * not yet projected; `quarantined`: ever; `gaps`: open now; `rebuilding`: whether projections are being rebuilt.
 */
export const storeStatus = rpc('sallyport.rpc.audit.status', z.object({}), z.object({ stored: z.number().int(), lag: z.number().int(), quarantined: z.number().int(), gaps: z.number().int(), projectionLag: z.number().int(), rebuilding: z.boolean() }))
/**
 * Which of these control events the store keeps: outboxes hold every other one open. A message up to `takenIn` of
 * the event stream that holds an unknown event will not bring it any more, and one beyond `last` is lost: it is published again.
 */
export const confirmStored = rpc('sallyport.rpc.audit.confirm', z.object({ ids: z.array(z.uuid()).max(1_000) }), z.object({ stored: z.array(z.uuid()), takenIn: z.number().int(), last: z.number().int() }))
/** Builds all projections anew from the events, beside the ones in use, and swaps them. Answers at once; `conflict` while one runs. */
export const rebuildProjections = rpc('sallyport.rpc.audit.rebuild', empty, empty)

/** Events of the store's own: numbers of a session that never came, though the store waited and asked for them again. */
export const auditEventTypes = { gap: 'sallyport.audit.gap.v1' } as const
export const auditGapSchema = z.object({ session: z.string(), proxy: z.string(), from: z.number().int(), to: z.number().int(), reason: z.string() })
