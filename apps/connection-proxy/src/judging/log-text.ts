import { maskLogParameter, maskLogText } from '@sallyport/masking-engine'
import type { DecideReply } from '@sallyport/contracts/policy'
import type { Operation } from '@sallyport/protocol-kit'
import type { CompiledPlan } from './plans.js'

const STATEMENT_CHARS_MAX = 64 * 1024
/** No recogniser reads longer texts; of those, nothing behind twice the head is looked at. */
const WHOLE_CHARS_MAX = 1024 * 1024
const PARAMETER_CHARS_MAX = 1024
const PARAMETERS_MAX = 100

/** Of what one request may hold, in bytes of JSON (a control character takes six): together they stay well below one message of the bus. */
const STATEMENT_BYTES_MAX = 128 * 1024
const PARAMETERS_BYTES_MAX = 96 * 1024
const EFFECTS_BYTES_MAX = 96 * 1024
const EFFECTS_MAX = 64

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

const head = (text: string, charsMax: number, bytesMax = Infinity): string => {
  let kept = text.length <= charsMax ? text : `${text.slice(0, charsMax)}…`
  while (bytesMax !== Infinity && kept.length * JSON_BYTES_PER_CHAR_MAX > bytesMax && bytesOf(kept) > bytesMax) kept = `${kept.slice(0, kept.length / 2)}…`
  return kept
}
const JSON_BYTES_PER_CHAR_MAX = 6

/** All effects with their facts where that is not too much; else what they are, and that more was known of them. */
const loggedEffects = (effects: Operation['recognition']['effects']): unknown =>
  (effects.length <= EFFECTS_MAX && bytesOf(effects) <= EFFECTS_BYTES_MAX ? effects : effects.slice(0, EFFECTS_MAX).map(({ action, class: actionClass }) => ({ action, class: actionClass, facts: { truncated: true } })))

/** The statement as the log may hold it: masked, long ones as head. */
export const loggedStatement = (operation: Operation, { reply }: CompiledPlan): string => {
  const hides = reply.touchesMasked || operation.recognition.class === 'unrecognised'
  const masked = (whole: string, { literals, secrets = [] }: Pick<Operation['recognition'], 'literals' | 'secrets'>): string => {
    const ranges = hides ? literals : secrets
    return maskLogText(reply, whole.length > WHOLE_CHARS_MAX ? whole.slice(0, 2 * STATEMENT_CHARS_MAX) : whole, ranges, hides || ranges.length > 0)
  }
  const named = (operation.standsFor ?? []).map(({ text, ...ranges }) => masked(text, ranges))
  return head(withNamed(masked(operation.text, operation.recognition), named), STATEMENT_CHARS_MAX, STATEMENT_BYTES_MAX)
}

/** A text and, below it, what the names in it stand for: a name alone says nothing of what runs. */
export const withNamed = (text: string, named: readonly string[]): string => [text, ...named.map((each) => `stands for: ${each}`)].join('\n')

/** The parameters as the log may hold them; undefined when there are none. */
export const loggedParameters = (operation: Operation, { reply }: CompiledPlan): (string | null)[] | undefined => {
  if (operation.parameters === undefined || operation.parameters.length === 0) return undefined
  const logged = operation.parameters.slice(0, PARAMETERS_MAX).map((value) => (value === null ? null : head(maskLogParameter(reply, value), PARAMETER_CHARS_MAX)))
  const chars = logged.reduce((sum, value) => sum + (value?.length ?? 0), 0)
  return chars * JSON_BYTES_PER_CHAR_MAX <= PARAMETERS_BYTES_MAX || bytesOf(logged) <= PARAMETERS_BYTES_MAX ? logged : logged.map((value) => value && head(value, PARAMETER_CHARS_MAX, PARAMETERS_BYTES_MAX / PARAMETERS_MAX))
}

/** The part of a requested event's data that is the same for each run of one statement under one decision and plan, as JSON members. */
export const requestedMembers = (operation: Operation, reply: DecideReply, plan: CompiledPlan): string => {
  const { recognition } = operation
  const members = {
    action: recognition.action,
    class: recognition.class,
    effects: loggedEffects(recognition.effects),
    fingerprint: recognition.fingerprint,
    statement: loggedStatement(operation, plan),
    statementBytes: Buffer.byteLength(operation.text),
    input: operation.input,
    decision: { outcome: reply.outcome, policies: reply.policies, ...(reply.outcome === 'allow' ? {} : { reason: reply.reason }), revision: reply.revision },
  }
  return JSON.stringify(members).slice(1, -1)
}
