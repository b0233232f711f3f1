import { maskLogParameter, maskLogText } from '@sallyport/masking-engine'
import type { DecideReply } from '@sallyport/contracts/policy'
import type { Operation } from '@sallyport/protocol-kit'
import type { CompiledPlan } from './plans.js'

const STATEMENT_CHARS_MAX = 64 * 1024
const PARAMETER_CHARS_MAX = 1024
const PARAMETERS_MAX = 100

const head = (text: string, charsMax: number): string => (text.length <= charsMax ? text : `${text.slice(0, charsMax)}…`)

/** The statement as the log may hold it: masked, long ones as head. */
export const loggedStatement = (operation: Operation, { reply }: CompiledPlan): string =>
  head(maskLogText(reply, operation.text, operation.recognition.literals, reply.touchesMasked || operation.recognition.class === 'unrecognised'), STATEMENT_CHARS_MAX)

/** The parameters as the log may hold them; undefined when there are none. */
export const loggedParameters = (operation: Operation, { reply }: CompiledPlan): (string | null)[] | undefined => {
  if (operation.parameters === undefined || operation.parameters.length === 0) return undefined
  return operation.parameters.slice(0, PARAMETERS_MAX).map((value) => (value === null ? null : head(maskLogParameter(reply, value), PARAMETER_CHARS_MAX)))
}

/** The part of a requested event's data that is the same for each run of one statement under one decision and plan, as JSON members. */
export const requestedMembers = (operation: Operation, reply: DecideReply, plan: CompiledPlan): string => {
  const { recognition } = operation
  const members = {
    action: recognition.action,
    class: recognition.class,
    effects: recognition.effects,
    fingerprint: recognition.fingerprint,
    statement: loggedStatement(operation, plan),
    statementBytes: Buffer.byteLength(operation.text),
    input: operation.input,
    decision: { outcome: reply.outcome, policies: reply.policies, ...(reply.outcome === 'allow' ? {} : { reason: reply.reason }), revision: reply.revision },
  }
  return JSON.stringify(members).slice(1, -1)
}
