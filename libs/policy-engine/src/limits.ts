/**
 * Bounds checked before a text reaches Cedar. Cedar's parser, validator and evaluator recurse on the depth of an expression, and in
 * WebAssembly an exhausted stack breaks the instance for good: tried with 4.13, 100 brackets or 400 chained `||` do it (126 on an older
 * Node), the latter only when the policy is first evaluated. What these bounds let through is tested to be parsed, validated and evaluated.
 */
export const limits = {
  /** Nesting of (), [] and {} in one policy. */
  bracketDepthMax: 16,
  /** `&&`, `||`, `+`, `-`, `*`, `!`, `if`, `when` and `unless` in one policy, together. */
  operatorsMax: 64,
  /** `.` in one policy. */
  accessesMax: 200,
  /** Code units of one string literal. */
  literalLengthMax: 4096,
  /** Bytes of one document as JSON text: a change of it travels as one event. */
  documentBytesMax: 320 * 1024,
  policiesMax: 5000,
  faultsMax: 100,
  idLengthMax: 128,
  approvalsMax: 100,
  expiresMaxMs: 24 * 3_600_000,
} as const

/** How long an approval may be waited for when `@expires` doesn't say, in milliseconds. */
export const EXPIRES_DEFAULT_MS = 15 * 60_000
