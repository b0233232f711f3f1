import type { Fault } from '@sallyport/contracts/change'
import type { Party, Principal } from '@sallyport/contracts/identity'
import type { MaskingRule } from '@sallyport/contracts/masking'
import { patternFault } from './custom-patterns.js'

export interface SelectedConnection {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

const selects = (selector: MaskingRule['spec']['connections'], connection: SelectedConnection): boolean =>
  'names' in selector
    ? selector.names.includes(connection.name)
    : Object.entries(selector.matchLabels).every(([label, value]) => Object.hasOwn(connection.labels, label) && connection.labels[label] === value)

/**
 * An exception holds only when *everybody* who would see the data is in one of its groups: the principal and each party it acts for.
 * An agent that acts for a privacy officer is masked unless the agent itself is excepted too, and so is a privacy officer's
 * delegate; owners of agents don't count, they answer for an agent but lend it no rights.
 */
const isExcepted = (rule: MaskingRule, principal: Principal): boolean => {
  const groups = rule.spec.except?.groups
  if (groups === undefined || groups.length === 0) return false
  const parties: readonly Party[] = [principal, ...principal.chain]
  return parties.every((party) => party.groups.some((group) => groups.includes(group)))
}

/** The rules in force for a principal on a connection, by name. */
export const rulesFor = (rules: readonly MaskingRule[], connection: SelectedConnection, principal: Principal): MaskingRule[] =>
  rules.filter((rule) => selects(rule.spec.connections, connection) && !isExcepted(rule, principal)).sort((a, b) => (a.name < b.name ? -1 : 1))

/** What is wrong with a rule beyond its schema, where its author wrote it. */
export const ruleFaults = (rule: MaskingRule): Fault[] => {
  const place = { ...(rule.file === undefined ? {} : { file: rule.file }), ...(rule.line === undefined ? {} : { line: rule.line }) }
  const faults: Fault[] = []
  const { columns, detect, patterns } = rule.spec
  if (columns.length + detect.length + patterns.length === 0) faults.push({ ...place, field: 'spec', message: `masking rule "${rule.name}" masks nothing: it needs columns, detect or patterns` })
  for (const [index, { name, pattern }] of patterns.entries()) {
    const message = patternFault(pattern)
    if (message !== undefined) faults.push({ ...place, field: `spec.patterns[${index}].pattern`, message: `pattern "${name}" of masking rule "${rule.name}": ${message}` })
  }
  return faults
}
