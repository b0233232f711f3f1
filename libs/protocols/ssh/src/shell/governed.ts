import type { Operation } from '@sallyport/protocol-kit'
import { admitOperation, concludeRequest } from '../channels/exec.js'
import { finishRequest, type ChannelRequest } from '../channels/request.js'
import type { Conversation } from '../session/conversation.js'
import { askTarget } from './ask-target.js'
import { GovernedTerminal } from './governed-terminal.js'
import { runScript } from './governed-script.js'
import { freshState, type ShellState } from './shell-state.js'

/**
 * A shell that is the gateway's own: it reads a line, has it decided like an exec, runs it on the target where the lines before have left the
 * shell, and reads the next. The target never sees a shell that takes commands.
 */
export const serveGoverned = async (conversation: Conversation, request: ChannelRequest, operation: Operation): Promise<void> => {
  const { host } = conversation
  const admitted = await admitOperation(conversation, request, operation)
  if (admitted.kind !== 'allowed') return concludeRequest(request, admitted)
  const { ticket, plan } = admitted
  const start = await askTarget(conversation, request)
  const state: ShellState = { ...freshState, directory: start?.directory }
  const ended = request.terminal === undefined
    ? await runScript(conversation, request, state)
    : await new GovernedTerminal(conversation, request, { ticket, plan, terminal: request.terminal, home: start?.home }).run(state)
  if (request.signal.aborted) return host.finish(ticket, { outcome: 'cancelled', bytesOut: ended.bytesOut })
  host.finish(ticket, { outcome: 'completed', bytesOut: ended.bytesOut, status: `exit ${ended.status}`, facts: { exitStatus: ended.status } })
  return finishRequest(request, ended.status)
}
