import { createHash } from 'node:crypto'
import { z } from 'zod'
import { principalSchema } from '../identity/index.js'
import { actionClassSchema, approvalNeedSchema, factsSchema } from '../policy/index.js'
import { empty, rpc } from '../rpc/index.js'
import { deliveredResultSchema } from './result.js'

export { RESULT_BYTES_MAX, resultMember, withResult, type DeliveredResult } from './result.js'

/**
 * Events of the data path, published by the proxy. One schema for each type; texts in them are masked already.
 * Grammar of a command: requested (held (released | refused | withdrawn))? (completed | failed | cancelled | lost), or requested refused.
 */
export const sessionEventTypes = {
  opened: 'sallyport.session.opened.v1',
  refused: 'sallyport.session.refused.v1',
  closed: 'sallyport.session.closed.v1',
  lost: 'sallyport.session.lost.v1',
  requested: 'sallyport.command.requested.v1',
  commandRefused: 'sallyport.command.refused.v1',
  held: 'sallyport.command.held.v1',
  released: 'sallyport.command.released.v1',
  withdrawn: 'sallyport.command.withdrawn.v1',
  completed: 'sallyport.command.completed.v1',
  failed: 'sallyport.command.failed.v1',
  cancelled: 'sallyport.command.cancelled.v1',
  commandLost: 'sallyport.command.lost.v1',
  chunk: 'sallyport.command.chunk.v1',
  recording: 'sallyport.command.recording.v1',
} as const

export const sessionOpenedSchema = z.object({
  principal: principalSchema,
  connection: z.string(),
  connectionRevision: z.number().int(),
  protocol: z.string(),
  proxy: z.string(),
  sourceAddress: z.string(),
  target: z.object({ host: z.string(), port: z.number().int(), database: z.string().optional() }),
  client: z.record(z.string(), z.string()),
  tls: z.object({ client: z.boolean(), target: z.boolean() }),
  durability: z.enum(['stored', 'stream']),
  decision: z.object({ policies: z.array(z.string()), revision: z.number().int() }),
})

/** A log-in that did not become a session: wrong secret, unknown connection, refused by policy, malformed. */
export const sessionRefusedSchema = z.object({
  code: z.string(),
  reason: z.string(),
  protocol: z.string(),
  proxy: z.string(),
  sourceAddress: z.string(),
  connection: z.string().optional(),
  principal: principalSchema.optional(),
})

export const sessionClosedSchema = z.object({ reason: z.string(), lastSequence: z.number().int(), commands: z.number().int(), bytesIn: z.number().int(), bytesOut: z.number().int() })
export const sessionLostSchema = z.object({ proxy: z.string(), reason: z.string(), lastSequence: z.number().int() })

export const decisionSchema = z.object({ outcome: z.enum(['allow', 'deny', 'hold']), policies: z.array(z.string()), reason: z.string().optional(), revision: z.number().int() })

/** How a command ended. What was delivered, masked, up to the connection's limit, is in `result` or, where it is long, in `resultDeflated`. */
export const finishSchema = z.object({
  command: z.string(),
  outcome: z.enum(['completed', 'failed', 'cancelled', 'lost']),
  durationUs: z.number().int(),
  rows: z.number().int().optional(),
  bytesOut: z.number().int(),
  /** Fields masked, by rule name. */
  masked: z.record(z.string(), z.number().int()).optional(),
  /** Hex SHA-256 over the bytes delivered to the client for this command. */
  digest: z.string().optional(),
  /** Protocol's own word for the end, e.g. the command tag `SELECT 3`. */
  status: z.string().optional(),
  /** Bytes of what it streamed that are in its recording. */
  recorded: z.number().int().optional(),
  /** What the protocol knows of the end besides: exit status, size and digest of what was transferred. */
  facts: factsSchema.optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  result: deliveredResultSchema.optional(),
  /** JSON text of such a result, deflated (RFC 1951) and in base64: bus, store and projections carry a sixth of the bytes and parse no rows. Read it with `withResult`. */
  resultDeflated: z.base64().optional(),
})
export type Finish = z.infer<typeof finishSchema>

export const commandRequestedSchema = z.object({
  command: z.string(),
  action: z.string(),
  class: actionClassSchema,
  effects: z.array(z.object({ action: z.string(), class: actionClassSchema, facts: factsSchema })),
  fingerprint: z.string(),
  /** Masked text; long ones as head. `statementBytes` is the original's length. */
  statement: z.string(),
  statementBytes: z.number().int(),
  parameters: z.array(z.string().nullable()).optional(),
  input: z.enum(['none', 'digest', 'stream']),
  /** Hex keyed SHA-256 of the exact operation. */
  digest: z.string(),
  decision: decisionSchema,
  /** The previous command's end travels with the next request when it can. */
  finished: z.array(finishSchema).optional(),
})
export const commandRefusedSchema = z.object({ command: z.string(), code: z.string(), reason: z.string(), policies: z.array(z.string()), approval: z.string().optional() })
export const commandHeldSchema = z.object({ command: z.string(), approval: z.string(), mode: z.enum(['hold', 'park']), needs: z.array(approvalNeedSchema) })
export const commandReleasedSchema = z.object({ command: z.string(), approval: z.string(), approvedBy: z.array(z.string()) })
export const commandWithdrawnSchema = z.object({ command: z.string(), approval: z.string(), reason: z.string() })
/** A piece of a stream's input (COPY data, stdin) or of a long text, recorded before its effect. */
export const commandChunkSchema = z.object({ command: z.string(), index: z.number().int(), bytes: z.number().int(), digest: z.string(), text: z.string().optional() })

/**
 * A piece of what a command streamed, as delivered (masked), with times: frames as libs/contracts' recording has them, `bytes` long,
 * deflated (RFC 1951) and in base64. `index` counts from 0 without gaps within the command.
 */
export const commandRecordingSchema = z.object({ command: z.string(), index: z.number().int(), bytes: z.number().int(), frames: z.base64() })

export const sessionEventSchemas = {
  [sessionEventTypes.opened]: sessionOpenedSchema,
  [sessionEventTypes.refused]: sessionRefusedSchema,
  [sessionEventTypes.closed]: sessionClosedSchema,
  [sessionEventTypes.lost]: sessionLostSchema,
  [sessionEventTypes.requested]: commandRequestedSchema,
  [sessionEventTypes.commandRefused]: commandRefusedSchema,
  [sessionEventTypes.held]: commandHeldSchema,
  [sessionEventTypes.released]: commandReleasedSchema,
  [sessionEventTypes.withdrawn]: commandWithdrawnSchema,
  [sessionEventTypes.completed]: finishSchema,
  [sessionEventTypes.failed]: finishSchema,
  [sessionEventTypes.cancelled]: finishSchema,
  [sessionEventTypes.commandLost]: finishSchema,
  [sessionEventTypes.chunk]: commandChunkSchema,
  [sessionEventTypes.recording]: commandRecordingSchema,
} as const

/** Requests to one proxy instance; use with `at(contract, proxyName)`. */
export const killSession = rpc('sallyport.rpc.proxy.kill', z.object({ session: z.string(), reason: z.string() }), z.object({ killed: z.boolean() }))
export const exactText = rpc('sallyport.rpc.proxy.exact', z.object({ approval: z.string() }), z.object({ text: z.string(), parameters: z.array(z.string().nullable()), digest: z.string() }))
export const republish = rpc('sallyport.rpc.proxy.republish', z.object({ session: z.string(), from: z.number().int(), to: z.number().int() }), z.object({ published: z.number().int() }))
/**
 * First two bytes of a cancel key: they name the proxy that gave it out, so that whoever is shown the key knows where to take it, and only
 * that proxy hears of it. The sign bit of the first is left clear: PostgreSQL's keys start with a positive number.
 */
export const cancelTag = (proxy: string): number => createHash('sha256').update(proxy).digest().readUInt16BE(0) & 0x7fff
/** A cancel key that names another instance: hex of the protocol's key. Use with `at(cancelByKey, String(tag))`. */
export const cancelByKey = rpc('sallyport.rpc.proxy.cancel', z.object({ key: z.string() }), z.object({ found: z.boolean() }))
export const liveSessions = rpc('sallyport.rpc.proxy.sessions', empty, z.object({ proxy: z.string(), sessions: z.array(z.object({ id: z.string(), connection: z.string(), uid: z.string(), openedAt: z.iso.datetime() })) }))

/**
 * Every proxy says every second that it lives, and how far each of its open sessions has been published; very many sessions in several
 * messages. Each under its own name, so that none can speak for another.
 */
export const proxyHeartbeatSubject = (proxy: string): string => `sallyport.heartbeat.proxy.${proxy}`
export const proxyHeartbeatSchema = z.object({ proxy: z.string(), sessions: z.array(z.tuple([z.string(), z.number().int()])) })
/** A proxy that was silent for this long is lost: the store ends its sessions with `session.lost`. */
export const PROXY_LOST_AFTER_MS = 15_000
