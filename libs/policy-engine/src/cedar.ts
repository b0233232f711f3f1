import * as wasm from '@cedar-policy/cedar-wasm/nodejs'

/**
 * Cedar could not answer. When its WebAssembly instance trapped, it is broken from then on and can't be replaced within the process:
 * nothing can be decided any more, `engineBroken` says so, and the process should be replaced.
 */
export class PolicyEngineError extends Error {
  override readonly name = 'PolicyEngineError'
  readonly code = 'policy-engine'
}

let broken = false

/** True once Cedar has trapped in this process: every decision is a denial from then on. */
export const engineBroken = (): boolean => broken

// A trap, or an exhausted stack. Anything else is an error that Cedar raised itself.
const TRAPS = new Set(['RuntimeError', 'RangeError'])

const guarded = <T>(run: () => T): T => {
  if (broken) throw new PolicyEngineError('the policy engine broke earlier; this process has to be replaced')
  try {
    return run()
  } catch (cause) {
    broken = TRAPS.has((cause as Error).name)
    throw new PolicyEngineError(broken ? 'the policy engine broke; this process has to be replaced' : 'the policy engine refused its input', { cause })
  }
}

/** The calls of Cedar that are used, each of which either answers or throws PolicyEngineError. */
export const cedar = {
  policyToJson: (text: string) => guarded(() => wasm.policyToJson(text)),
  validate: (schema: string, policies: Record<string, string>) =>
    guarded(() => wasm.validate({ schema, policies: { staticPolicies: policies }, validationSettings: { mode: 'strict' } })),
  checkParseSchema: (schema: string) => guarded(() => wasm.checkParseSchema(schema)),
  preparsePolicySet: (id: string, policies: Record<string, string>) => guarded(() => wasm.preparsePolicySet(id, { staticPolicies: policies })),
  isAuthorized: (call: wasm.StatefulAuthorizationCall) => guarded(() => wasm.statefulIsAuthorized(call)),
}

export type { DetailedError, EntityJson, EntityUidJson, CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs'
