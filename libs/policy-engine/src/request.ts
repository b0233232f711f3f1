import type { ActionClass, DecideRequest } from '@sallyport/contracts/policy'
import type { CedarValueJson, EntityJson, EntityUidJson } from './cedar.js'
import { calendarAt } from './calendar.js'
import type { FactType, PolicySchema } from './schema.js'

type Party = Omit<DecideRequest['principal'], 'chain'>
export type Effect = DecideRequest['effects'][number]

/** One question to Cedar. */
export interface CedarRequest {
  readonly principal: EntityUidJson
  readonly action: EntityUidJson
  readonly resource: EntityUidJson
  readonly context: Record<string, CedarValueJson>
  readonly entities: EntityJson[]
}

const uid = (type: string, id: string): { type: string; id: string } => ({ type, id })

export const partyUid = (party: Party): { type: string; id: string } => uid(party.kind === 'agent' ? 'Agent' : 'User', party.uid)

/** Everybody who must be allowed, nearest first: who acts and whom it acts for. */
export const partiesOf = (request: DecideRequest): readonly Party[] => [request.principal, ...request.principal.chain]

/**
 * Why this effect can't be judged, or undefined. Facts a policy could not have been validated against are refused, not dropped:
 * what sends them and what decides on them are then not of the same version.
 */
export const effectProblem = (schema: PolicySchema, request: DecideRequest, effect: Effect): string | undefined => {
  const protocol = schema.protocols.get(request.connection.protocol)
  if (protocol === undefined) return `the policies know no protocol "${request.connection.protocol}"`
  if (effect.action !== effect.class && !Object.hasOwn(protocol.actions, effect.action)) return `the policies know no action "${effect.action}"`
  for (const [name, value] of Object.entries(effect.facts)) {
    const type = Object.hasOwn(protocol.facts, name) ? protocol.facts[name] : undefined
    if (type === undefined) return `the policies know no fact "${name}"`
    if (!hasType(value, type)) return `the fact "${name}" is not of type ${type}`
  }
  return undefined
}

const hasType = (value: unknown, type: FactType): boolean => {
  switch (type) {
    case 'boolean': return typeof value === 'boolean'
    case 'integer': return Number.isSafeInteger(value)
    case 'string': return typeof value === 'string'
    case 'strings': return Array.isArray(value) && value.every((each) => typeof each === 'string')
    default: return type satisfies never
  }
}

/**
 * A string that isn't well-formed Unicode would reach Cedar changed, and two different names could become one.
 * JSON text holds such a character as the escape of a lone surrogate, well-formed JSON.stringify keeps it so.
 */
export const isWellFormed = (request: DecideRequest): boolean => !/\\ud[89a-f]/.test(JSON.stringify(request).replaceAll('\\\\', ''))

/**
 * The address as Cedar's ipaddr takes it: an IPv4 address mapped into IPv6 is that IPv4 address (or rules about it would be passed by),
 * and the zone of a link-local address means something only on the host. A range is no address.
 */
const addressOf = (text: string): string => {
  const address = text.replace(/%.*$/, '')
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)
  return (mapped?.[1] ?? address).replaceAll('/', ' ')
}

export const contextOf = (request: DecideRequest, effect: Effect, nowMs: number): Record<string, CedarValueJson> => ({
  ...effect.facts,
  ...calendarAt(nowMs),
  sourceAddress: { __extn: { fn: 'ip', arg: addressOf(request.circumstances.sourceAddress) } },
  ...(request.circumstances.intent === undefined ? {} : { intent: request.circumstances.intent }),
  grants: request.circumstances.grants,
})

/**
 * The questions of one effect for one party; all must be answered. Asked without a schema, so that an effect can be given a stricter
 * class than its action has: it is then judged as that action within both classes, and as the stricter class alone, so that every
 * forbid of either counts and a permit of only the precise action (or its usual class) is not enough.
 */
export const cedarRequests = (schema: PolicySchema, request: DecideRequest, party: Party, effect: Effect, context: Record<string, CedarValueJson>): CedarRequest[] => {
  const declared = effect.action === effect.class ? effect.class : (schema.protocols.get(request.connection.protocol)?.actions[effect.action] ?? 'unrecognised')
  const ask = (action: string, classes: readonly ActionClass[]): CedarRequest => ({
    principal: partyUid(party),
    action: uid('Action', action),
    resource: uid('Connection', request.connection.name),
    context,
    entities: [
      { uid: partyUid(party), attrs: {}, parents: party.groups.map((group) => uid('Group', group)) },
      ...(action === effect.class ? [] : [{ uid: uid('Action', action), attrs: {}, parents: classes.map((name) => uid('Action', name)) }]),
      { uid: uid('Connection', request.connection.name), attrs: { protocol: request.connection.protocol }, parents: [], tags: request.connection.labels },
    ],
  })
  if (effect.class === declared) return [ask(effect.action, [declared])]
  return [ask(effect.action, [declared, effect.class]), ask(effect.class, [])]
}
