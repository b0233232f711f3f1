import { cedar } from './cedar.js'
import type { CedarRequest } from './request.js'

/** What the policies say of one effect for one party. */
export interface Verdict {
  readonly outcome: 'allow' | 'deny' | 'hold'
  /** Ids of the determining policies, sorted: permits of an allow, forbids of a deny, approval forbids of a hold. */
  readonly policies: readonly string[]
  /** Why it could not be judged; empty unless denied. */
  readonly errors: readonly Problem[]
}

/** `text` is for people who ask for an explanation: it may repeat a fact's value. `public` never does. */
export interface Problem {
  readonly public: string
  readonly text: string
}

/** Names of the pre-parsed policy sets of one engine. */
export interface PolicySets {
  readonly whole: string
  /** Without the forbids that have `@approval`. */
  readonly base: string
}

export const denied = (problem: Problem): Verdict => ({ outcome: 'deny', policies: [], errors: [problem] })

interface Answer {
  readonly allowed: boolean
  readonly policies: readonly string[]
  readonly errors: readonly Problem[]
}

const ask = (set: string, request: CedarRequest): Answer => {
  const answer = cedar.isAuthorized({ ...request, preparsedPolicySetId: set, validateRequest: false })
  if (answer.type === 'failure') {
    const text = answer.errors.map((error) => error.message).join('; ')
    return { allowed: false, policies: [], errors: [{ public: 'the request could not be judged', text }] }
  }
  const { reason, errors } = answer.response.diagnostics
  return {
    allowed: answer.response.decision === 'allow',
    policies: [...reason].sort(),
    // Cedar skips a policy that fails, even a forbid, and then may allow.
    errors: errors.map(({ policyId, error }) => ({ public: `policy ${policyId} could not be evaluated`, text: `policy ${policyId} could not be evaluated: ${error.message}` })),
  }
}

/**
 * Deny unless the set without approval forbids allows; then hold if the whole set denies; else allow. The whole set is asked first:
 * when it allows, so does the smaller one, which has the same permits and fewer forbids.
 * With `only`, an allow counts only by one of these policies.
 */
export const judge = (sets: PolicySets, request: CedarRequest, only: ReadonlySet<string> | undefined): Verdict => {
  const permitted = (policies: readonly string[]): readonly string[] => (only === undefined ? policies : policies.filter((policy) => only.has(policy)))
  const whole = ask(sets.whole, request)
  if (whole.errors.length > 0) return { outcome: 'deny', policies: [], errors: whole.errors }
  const base = whole.allowed ? whole : ask(sets.base, request)
  if (base.errors.length > 0) return { outcome: 'deny', policies: [], errors: base.errors }
  if (!base.allowed) return { outcome: 'deny', policies: base.policies, errors: [] }
  const permits = permitted(base.policies)
  if (permits.length === 0) return { outcome: 'deny', policies: [], errors: [] }
  return whole.allowed ? { outcome: 'allow', policies: permits, errors: [] } : { outcome: 'hold', policies: whole.policies, errors: [] }
}

const severity = { allow: 0, hold: 1, deny: 2 } as const

/** Deny over hold over allow; verdicts that are equally strict add up. Throws on an empty list. */
export const strictest = <V extends Verdict>(verdicts: readonly [V, ...V[]]): V['outcome'] =>
  verdicts.reduce((worst, { outcome }) => (severity[outcome] > severity[worst] ? outcome : worst), verdicts[0].outcome)

export const combined = (verdicts: readonly [Verdict, ...Verdict[]]): Verdict => {
  const outcome = strictest(verdicts)
  const decisive = verdicts.filter((verdict) => verdict.outcome === outcome)
  return { outcome, policies: [...new Set(decisive.flatMap(({ policies }) => policies))].sort(), errors: decisive.flatMap(({ errors }) => errors) }
}
