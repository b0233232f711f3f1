import { actionClasses } from '@sallyport/contracts/policy'
import { limits } from './limits.js'
import { suggestion } from './nearest.js'
import type { PolicySchema } from './schema.js'
import type { Token } from './tokens.js'

/** A fault of one statement, `at` an offset in code units from the document's beginning. */
export interface RuleFault {
  readonly at: number
  readonly message: string
}

const OPERATORS = new Set(['&&', '||', '+', '-', '*', '!', 'if', 'when', 'unless'])
const OPENING = new Set(['(', '[', '{'])
const CLOSING = new Set([')', ']', '}'])

/** What must hold before the text may reach Cedar at all; see `limits`. At most one fault. */
export const lexicalFault = (tokens: readonly Token[]): RuleFault | undefined => {
  let depth = 0
  let operators = 0
  let accesses = 0
  for (const token of tokens) {
    if (token.kind === 'slot') return { at: token.at, message: `templates are not supported: write the ${token.text.slice(1)} instead of ${token.text}` }
    if (token.kind === 'string' && token.text.length > limits.literalLengthMax) return { at: token.at, message: `a text has at most ${limits.literalLengthMax} characters` }
    if (token.kind === 'string') continue
    if (OPENING.has(token.text) && ++depth > limits.bracketDepthMax) return { at: token.at, message: `brackets are nested more than ${limits.bracketDepthMax} deep: split the policy` }
    if (CLOSING.has(token.text)) depth--
    if (OPERATORS.has(token.text) && ++operators > limits.operatorsMax) return { at: token.at, message: `the policy has more than ${limits.operatorsMax} operators: use a set, such as ["a", "b"].contains(…), or split the policy` }
    if (token.text === '.' && ++accesses > limits.accessesMax) return { at: token.at, message: `the policy uses "." more than ${limits.accessesMax} times: split it` }
  }
  return undefined
}

/**
 * What Cedar's validator lets pass though it is a hole: a misspelt name in `has` (simply false), a group of actions compared with `==`
 * (equal to no precise action), and `context` used as a whole (then nobody can tell which facts the policy reads).
 * Answers the names read from `context`, too.
 */
export const checkUses = (schema: PolicySchema, tokens: readonly Token[]): { reads: string[]; faults: RuleFault[] } => {
  const reads = new Set<string>()
  const faults: RuleFault[] = []
  tokens.forEach((token, index) => {
    if (token.kind !== 'word') return
    if (token.text === 'context') {
      const use = contextUse(schema, tokens, index)
      if (typeof use === 'string') reads.add(use)
      else faults.push(use)
    }
    if (token.text === 'has' && tokens[index - 1]?.text !== 'context') faults.push({ at: token.at, message: '"has" can be used only as "context has <fact>"; for a label write resource.hasTag("…")' })
    if (token.text === 'Action') {
      const fault = actionFault(tokens, index)
      if (fault !== undefined) faults.push(fault)
    }
  })
  return { reads: [...reads], faults }
}

const contextUse = (schema: PolicySchema, tokens: readonly Token[], index: number): string | RuleFault => {
  const [context, how, what, after] = tokens.slice(index, index + 4)
  const at = how?.text === 'has' ? (what?.at ?? 0) : (context?.at ?? 0)
  const named = (how?.text === '.' && what?.kind === 'word') || (how?.text === 'has' && what?.kind === 'word') || ((how?.text === '[' || how?.text === 'has') && what?.kind === 'string')
  if (!named || what === undefined) return { at, message: '"context" can be used only as context.<fact> or "context has <fact>"' }
  const name = what.kind === 'string' ? what.text.slice(1, -1) : what.text
  if (!schema.contextNames.has(name)) return { at, message: `there is no fact "${name}".${suggestion(name, schema.contextNames)}` }
  if (how?.text === 'has' && after?.text === '.') return { at, message: `the fact "${name}" has no attributes: write "context has ${name}"` }
  return name
}

/** `index` is that of `Action` in `Action::"…"`. */
const actionFault = (tokens: readonly Token[], index: number): RuleFault | undefined => {
  const [action, colons, literal] = tokens.slice(index, index + 3)
  if (action === undefined || colons?.text !== '::' || literal?.kind !== 'string') return undefined
  if (literal.text.includes('\\')) return { at: action.at, message: 'write the action\'s name without escapes' }
  const name = literal.text.slice(1, -1)
  if (!(actionClasses as readonly string[]).includes(name) || afterIn(tokens, index)) return undefined
  return { at: action.at, message: `Action::"${name}" is a group of actions, which no single action equals: write "action in Action::"${name}""` }
}

/** Whether the entity at `index` stands right of `in`, alone or in a set. */
const afterIn = (tokens: readonly Token[], index: number): boolean => {
  let at = index - 1
  if (tokens[at]?.text === 'in') return true
  while (at >= 0 && tokens[at]?.text !== '[') {
    const token = tokens[at]
    const ofEntity = token?.kind === 'word' || token?.kind === 'string' || token?.text === '::' || token?.text === ','
    if (!ofEntity) return false
    at--
  }
  return tokens[at - 1]?.text === 'in'
}
