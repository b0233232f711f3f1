import type { Fault } from '@sallyport/contracts/change'
import { readAnnotations, type PolicyTerms } from './annotations.js'
import { cedar, type DetailedError } from './cedar.js'
import { limits } from './limits.js'
import { checkUses, lexicalFault } from './rules.js'
import type { PolicySchema } from './schema.js'
import { codeUnitsOf, positionAt, statementsOf, type Statement } from './tokens.js'

/** A Cedar document; `file` is what its author calls it in messages. */
export interface PolicySource {
  readonly name: string
  readonly text: string
  readonly file?: string | undefined
}

/** Classes that no policy about every action permits: it takes one that names them. */
export const namedClasses = ['unrecognised', 'unmask'] as const
export type NamedClass = (typeof namedClasses)[number]

export interface ParsedPolicy extends PolicyTerms {
  readonly effect: 'permit' | 'forbid'
  readonly text: string
  /** Names read from `context`. */
  readonly reads: readonly string[]
  /** Of the classes that are permitted by name only: those that its action constraint names, or a precise action of. */
  readonly names: readonly NamedClass[]
}

interface Candidate {
  readonly source: PolicySource
  readonly statement: Statement
  readonly policy: ParsedPolicy
}

/**
 * Policies found valid, by schema and text: a set is parsed anew at every change, of which nearly all is as before, and nothing else can
 * be done meanwhile. Bounded: it starts anew when it is full.
 */
const valid = new WeakMap<PolicySchema, Map<string, ParsedPolicy>>()

const remember = (schema: PolicySchema, candidates: readonly Candidate[], faults: Faults): void => {
  const known = valid.get(schema) ?? new Map<string, ParsedPolicy>()
  if (known.size + candidates.length > 2 * limits.policiesMax) known.clear()
  for (const { source, statement, policy } of candidates) {
    if (!faults.within(source, statement.at, statement.at + statement.text.length)) known.set(policy.text, policy)
  }
  valid.set(schema, known)
}

/**
 * Parses and validates strictly. Documents not in `changed` (absent: all are) are taken to be valid already: of them only what
 * concerns the others (ids) is looked at. `policies` is usable only when there is no fault.
 * Throws PolicyEngineError when Cedar itself broke.
 */
export const parsePolicies = (schema: PolicySchema, documents: readonly PolicySource[], changed?: ReadonlySet<string>): { policies: ParsedPolicy[]; faults: Fault[] } => {
  const faults = new Faults()
  const candidates: Candidate[] = []
  for (const source of documents) {
    const own = changed === undefined || changed.has(source.name) ? faults : new Faults()
    const unusable = unusableText(source.text)
    if (unusable !== undefined) {
      own.add(source, 0, unusable)
      continue
    }
    const statements = statementsOf(source.text)
    if (statements.length === 0) own.add(source, 0, 'the document holds no policy')
    for (const statement of statements) {
      const policy = valid.get(schema)?.get(statement.text) ?? parseStatement(schema, source, statement, own)
      if (policy !== undefined) candidates.push({ source, statement, policy })
    }
  }
  if (candidates.length > limits.policiesMax) faults.add(candidates.at(-1)?.source ?? { name: 'policies', text: '' }, 0, `there are more than ${limits.policiesMax} policies`)
  const unique = withUniqueIds(candidates, faults, changed)
  const news = unique.filter(({ source, policy }) => (changed?.has(source.name) ?? true) && valid.get(schema)?.get(policy.text) !== policy)
  validate(schema, news, faults)
  remember(schema, news, faults)
  return { policies: unique.map(({ policy }) => policy), faults: faults.list }
}

const unusableText = (text: string): string | undefined => {
  if (!text.isWellFormed()) return 'the text is not well-formed Unicode'
  return new TextEncoder().encode(JSON.stringify(text)).length > limits.documentBytesMax ? `the document is larger than ${limits.documentBytesMax / 1024} KiB: split it` : undefined
}

class Faults {
  readonly list: Fault[] = []
  private readonly places = new Set<string>()

  /** One fault a place: what comes later only repeats it, per action or in other words. */
  add(source: PolicySource, at: number, message: string, field?: string): void {
    const file = source.file ?? `${source.name}.cedar`
    const place = `${file} ${at}`
    if (this.places.has(place)) return
    this.places.add(place)
    if (this.list.length >= limits.faultsMax) return
    this.list.push({ file, ...positionAt(source.text, at), ...(field === undefined ? {} : { field }), message })
  }

  /** Whether anything was found within these offsets of the document. */
  within(source: PolicySource, from: number, to: number): boolean {
    const file = source.file ?? `${source.name}.cedar`
    for (const place of this.places) {
      const at = Number(place.slice(place.lastIndexOf(' ')))
      if (place.startsWith(`${file} `) && at >= from && at < to) return true
    }
    return false
  }
}

const parseStatement = (schema: PolicySchema, source: PolicySource, statement: Statement, faults: Faults): ParsedPolicy | undefined => {
  const lexical = lexicalFault(statement.tokens)
  if (lexical !== undefined) return void faults.add(source, lexical.at, lexical.message)
  const parsed = cedar.policyToJson(statement.text)
  if (parsed.type === 'failure') {
    for (const error of parsed.errors.flatMap((each) => [each, ...(each.related ?? [])])) addCedarFault(faults, source, statement, error)
    return undefined
  }
  const { effect, action, annotations } = parsed.json
  const read = readAnnotations(effect, (annotations ?? {}) as Record<string, string | null>)
  for (const fault of read.faults) faults.add(source, annotationAt(statement, fault.annotation), fault.message, fault.annotation === undefined ? '@id' : `@${fault.annotation}`)
  const uses = checkUses(schema, statement.tokens)
  for (const fault of uses.faults) faults.add(source, fault.at, fault.message)
  // What has no usable id is still validated below, under a name that no policy can have.
  const terms = read.terms ?? { id: `(${source.name} ${statement.at})` }
  return { ...terms, effect, text: statement.text, reads: uses.reads, names: namedClasses.filter((name) => namesClass(schema, action, name)) }
}

const annotationAt = (statement: Statement, name: string | undefined): number => {
  const index = statement.tokens.findIndex((token, at) => token.text === '@' && statement.tokens[at + 1]?.text === name)
  return statement.tokens[index]?.at ?? statement.at
}

const addCedarFault = (faults: Faults, source: PolicySource, statement: Statement, error: DetailedError): void => {
  const place = error.sourceLocations?.[0]
  const message = error.message.replace(/^failed to parse polic(?:y|ies) from string: /, '').replace(/^for policy `[^`]*`, /, '')
  const details = [place?.label, error.help].filter((detail) => detail !== null && detail !== undefined)
  faults.add(source, statement.at + codeUnitsOf(statement.text, place?.start ?? 0), [message, ...details].join('; '))
}

const namesClass = (schema: PolicySchema, action: object, name: NamedClass): boolean => {
  const { entity, entities } = action as { entity?: { id: string }; entities?: { id: string }[] }
  return [...(entity === undefined ? [] : [entity]), ...(entities ?? [])].some(({ id }) =>
    id === name || [...schema.protocols.values()].some((protocol) => Object.hasOwn(protocol.actions, id) && protocol.actions[id] === name))
}

const withUniqueIds = (candidates: readonly Candidate[], faults: Faults, changed: ReadonlySet<string> | undefined): Candidate[] => {
  // Unchanged documents first, so that the fault is where the change is.
  const rank = ({ source }: Candidate): number => (changed === undefined || changed.has(source.name) ? 1 : 0)
  const byId = new Map<string, Candidate>()
  for (const candidate of [...candidates].sort((a, b) => rank(a) - rank(b))) {
    const { source, statement, policy } = candidate
    const other = byId.get(policy.id)
    if (other === undefined) byId.set(policy.id, candidate)
    else faults.add(source, annotationAt(statement, 'id'), `@id("${policy.id}") is also the id of a policy in ${other.source.file ?? `${other.source.name}.cedar`}, line ${positionAt(other.source.text, other.statement.at).line}: ids are unique`, '@id')
  }
  return [...byId.values()]
}

/** A name with an en dash is unusual, not wrong; names in two scripts or with direction marks are, for they look like others. */
const HARMLESS_WARNING = 'General Security Profile'

/** Cedar's own strict validation; its warnings (a policy that can never apply, deceptive names) count as faults. */
const validate = (schema: PolicySchema, candidates: readonly Candidate[], faults: Faults): void => {
  if (candidates.length === 0) return
  const byId = new Map(candidates.map((candidate) => [candidate.policy.id, candidate]))
  const answer = cedar.validate(schema.text, Object.fromEntries(candidates.map(({ policy }) => [policy.id, policy.text])))
  if (answer.type === 'failure') throw new Error(`policies that parse one by one do not parse together: ${answer.errors[0]?.message ?? ''}`)
  for (const { policyId, error } of answer.validationErrors) {
    const candidate = byId.get(policyId)
    if (candidate !== undefined) addCedarFault(faults, candidate.source, candidate.statement, error)
  }
  for (const { policyId, error } of answer.validationWarnings) {
    const candidate = byId.get(policyId)
    if (candidate === undefined || error.message.includes(HARMLESS_WARNING)) continue
    const { source, statement } = candidate
    // A name that Cedar doesn't know makes a policy impossible: said once.
    if (!faults.within(source, statement.at, statement.at + statement.text.length)) addCedarFault(faults, source, statement, error)
  }
}
