import type { Party } from '@sallyport/contracts/identity'
import type { ExplainReply } from '@sallyport/contracts/policy'
import type { FactType, ProtocolDescriptor } from '@sallyport/protocol-kit'
import { Option } from 'commander'
import { answer, type Definition } from '../command.js'
import { CliError, exitStatus } from '../errors.js'
import { fields, table } from '../output/table.js'
import type { Api } from '../session/api.js'
import type { ConnectionView } from './connections.js'
import type { Whoami } from './whoami.js'

type Fact = boolean | number | string | string[]
type Facts = Readonly<Record<string, Fact>>

const DEVELOPMENT_ISSUER = 'development'
const usage = (message: string): CliError => new CliError(exitStatus.usage, message)
const repeated = (value: string, before: string[]): string[] => [...before, value]

const factOf = (name: string, type: FactType, text: string): Fact => {
  switch (type) {
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw usage(`--fact ${name}: it is true or false`)
      return text === 'true'
    case 'integer':
      if (!/^-?\d{1,15}$/.test(text)) throw usage(`--fact ${name}: it is a whole number`)
      return Number(text)
    case 'string': return text
    case 'strings': return text === '' ? [] : text.split(',')
    default: return type satisfies never
  }
}

/** `name=value` texts, typed as the protocol describes its facts; sets are given with commas, or by naming the fact again. Throws CliError. */
export const factsOf = (texts: readonly string[], types: ProtocolDescriptor['facts']): Facts => {
  const facts: Record<string, Fact> = {}
  for (const text of texts) {
    const [name, ...rest] = text.split('=')
    const type = Object.hasOwn(types, name!) ? types[name!] : undefined
    if (type === undefined) throw usage(`--fact ${name}: there is no such fact; there are ${Object.keys(types).sort().join(', ')}`)
    if (rest.length === 0) throw usage(`--fact ${name}: it is given as ${name}=VALUE`)
    const before = facts[name!]
    const value = factOf(name!, type, rest.join('='))
    facts[name!] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value
  }
  return facts
}

interface IssuerView { readonly name: string; readonly spec: { readonly primary: boolean } }

/** Whom a uid of the policies means: `alice` of the primary issuer, `partners/alice` of another. */
export const partyOf = (uid: string, groups: readonly string[], issuers: readonly IssuerView[]): Party => {
  const slash = uid.indexOf('/')
  const other = issuers.find(({ name, spec }) => !spec.primary && slash > 0 && name === uid.slice(0, slash))
  const primary = issuers.find(({ spec }) => spec.primary)?.name ?? DEVELOPMENT_ISSUER
  return { kind: 'user', issuer: other?.name ?? primary, subject: other === undefined ? uid : uid.slice(slash + 1), uid, groups: [...groups] }
}

const effectsOf = async (descriptor: ProtocolDescriptor | undefined, connection: ConnectionView, options: Readonly<Record<string, unknown>>): Promise<object[]> => {
  const [action, text, facts] = [options['action'] as string | undefined, options['text'] as string | undefined, options['fact'] as string[]]
  if ((action === undefined) === (text === undefined)) throw usage('give either --action, or --text with a whole command')
  if (descriptor === undefined) throw usage(`this program doesn't know the protocol ${connection.spec.protocol} of "${connection.name}"`)
  if (action !== undefined) return [{ action, facts: factsOf(facts, descriptor.facts) }]
  if (facts.length > 0) throw usage('--text finds the facts itself: leave --fact out')
  await descriptor.loadRecogniser()
  return descriptor.recognise(text!, {}).effects.map(({ action: precise, class: actionClass, facts: found }) => ({ action: precise, class: actionClass, facts: found }))
}

const whom = async (api: Api, options: Readonly<Record<string, unknown>>): Promise<Party | undefined> => {
  const [uid, groups] = [options['as'] as string | undefined, options['group'] as string[]]
  if (uid === undefined && groups.length > 0) throw usage('--group says more about --as: give that too')
  if (uid === undefined) return undefined
  const { principal } = await api.get<Whoami>('/v1/whoami')
  if (uid === principal.uid && groups.length === 0) return undefined
  return partyOf(uid, groups, (await api.get<{ items: IssuerView[] }>('/v1/issuers?limit=1000')).items)
}

const textOf = (reply: ExplainReply): string => {
  const needs = reply.needs.map(({ count, group, policy, park }) => `${count} of ${group} (policy ${policy}${park ? ', parked' : ''})`)
  const about = fields([
    ['outcome', reply.outcome],
    ['reason', reply.reason === '' ? undefined : reply.reason],
    ['remedy', reply.remedy],
    ['needs', needs.length === 0 ? undefined : needs.join(', ')],
    ['policies', reply.policies.join(', ') || 'none permits it'],
    ['depends on', reply.dependsOn.join(', ') || undefined],
    ['revision', String(reply.revision)],
  ])
  const rows = reply.effects.map(({ action, party, outcome, policies, errors }) => [action, party, outcome, policies.join(', '), errors.join('; ')])
  return `${about}\n${table(['ACTION', 'PARTY', 'OUTCOME', 'POLICIES', 'ERRORS'], rows)}`
}

export const policyExplain = (protocols: readonly ProtocolDescriptor[]): Definition => ({
  usage: 'explain',
  summary: 'say how a command would be decided, and by which policies',
  details: 'About yourself; with the role admin or auditor also about others. The groups come from tokens, so for others they have to be said.',
  examples: [
    'policy explain --connection orders-prod --action sql.select',
    'policy explain --as coding-agent --group ai-agents --connection orders-prod --text "delete from orders where id = 7"',
    'policy explain --as coding-agent --group ai-agents --connection orders-prod --action sql.delete --fact hasWhere=false',
  ],
  options: [
    new Option('--as <uid>', 'about whom (default: you); <issuer>/<subject> for another issuer than the primary one'),
    new Option('--group <group>', 'a group of theirs; may be repeated').argParser(repeated).default([], 'none'),
    new Option('--connection <name>', 'on which connection').makeOptionMandatory(),
    new Option('--action <action>', 'a precise action, as sql.delete'),
    new Option('--fact <name=value>', 'a fact of the action; may be repeated').argParser(repeated).default([], 'none'),
    new Option('--text <command>', 'a whole command instead of an action: its effects and facts are found as the proxy finds them'),
  ],
  run: async ({ context, options }) => {
    const api = context.api()
    const ask = async (): Promise<ExplainReply> => {
      const connection = await api.get<ConnectionView>(`/v1/connections/${encodeURIComponent(options['connection'] as string)}`)
      const effects = await effectsOf(protocols.find(({ name }) => name === connection.spec.protocol), connection, options)
      const principal = await whom(api, options)
      return api.post('/v1/policies/explain', { connection: connection.name, effects, ...(principal === undefined ? {} : { principal }) })
    }
    const reply = await context.waiting('asking for a decision', ask())
    return answer(reply, textOf(reply))
  },
})
