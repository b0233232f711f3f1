import { Refusal, refusalText, type Output, type Recognition } from '@sallyport/protocol-kit'
import { sqlState } from '../errors.js'
import { copyFormat, type CopyFormat } from '../results/copy-format.js'
import type { Command } from './command.js'
import type { Conversation } from './conversation.js'
import { forResults } from './resolution.js'

/** COPY gives no origins: every column may be anything that the statement touches. */
export const unknownOutputs = (count: number): readonly Output[] =>
  Array.from({ length: count }, (_, index) => ({ name: `column${index + 1}`, origin: { kind: 'unknown' } as const }))

/** The format that can be masked; COPY inside anything else, or with options that change the lines, can't. */
export const maskableFormat = (text: string): CopyFormat | undefined => {
  const format = copyFormat(text)
  return format?.kind === 'binary' ? undefined : format
}

/**
 * Why COPY TO STDOUT may not run although policy allows it: its output would have to be masked, and its form can't be.
 * Found before it is forwarded, so that it fails like any other statement.
 */
export const copyProblem = async (conversation: Conversation, text: string, recognition: Recognition, command: Command): Promise<Refusal | undefined> => {
  conversation.toTarget.flush()
  const problem = await findProblem(conversation, text, recognition, command)
  if (problem === undefined) return undefined
  command.failure = { code: sqlState(problem), message: refusalText(problem) }
  command.finish('failed')
  return problem
}

const findProblem = async (conversation: Conversation, text: string, recognition: Recognition, command: Command): Promise<Refusal | undefined> => {
  try {
    const plan = await conversation.host.maskPlan({ touches: forResults(recognition.touches), outputs: unknownOutputs(1) })
    if (plan.passesAll || maskableFormat(text) !== undefined) return undefined
    return new Refusal('unrecognised', 'the output of this form of COPY cannot be masked', {
      remedy: 'Use COPY … TO STDOUT in text or csv format without further options, or SELECT.', command: command.ticket.command,
    })
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}
