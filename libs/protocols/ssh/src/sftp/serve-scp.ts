import { Refusal, type Ticket } from '@sallyport/protocol-kit'
import { finishRequest, refuseRequest, say, type ChannelRequest, type Serve } from '../channels/request.js'
import { asRefusal, refusalLine } from '../errors.js'
import type { Conversation } from '../session/conversation.js'
import { transferLimits } from './limits.js'
import { LookUps } from './look-ups.js'
import { openServer, type StartServer } from './open-server.js'
import { transferOperation } from './operations.js'
import { Permits } from './permits.js'
import { ReadAhead } from './read-ahead.js'
import { scpCommand, type ScpCommand } from './scp-messages.js'
import { ScpTransfer } from './scp-transfer.js'
import { ScpWire } from './scp-wire.js'
import { TargetFiles } from './target-files.js'

const FAILED_STATUS = 1

/** The other end of `scp -O`: the gateway's own, with the target's files by SFTP. Rejects only when the session can't go on. */
export const serveScp = (text: string, start: StartServer): Serve => async (conversation, request) => {
  const { host, gate } = conversation
  const command = scpCommand(text)
  const refusal = command === undefined ? new Refusal('denied', 'patterns and the like are not expanded for scp\'s old protocol', { remedy: 'Use scp without -O, or name the files.' }) : undefined
  const operation = transferOperation('scp', text, [{ action: 'ssh.sftp', operation: 'start' }], [])
  const verdict = await gate.judge({ ...operation, refusal }, (notice) => say(request, notice.text), request.signal)
  if (verdict.kind === 'refuse') return refuseRequest(request, verdict.refusal)
  const { ticket } = verdict
  try {
    await host.whenAcknowledged(ticket.sequence)
    const done = await transfer(conversation, request, command!, start)
    return await conclude(conversation, request, ticket, done)
  } catch (thrown) {
    const { code, message } = asRefusal(thrown)
    const left = request.signal.aborted || code === 'killed'
    host.finish(ticket, { outcome: left ? 'cancelled' : 'failed', bytesOut: 0, error: { code, message } })
    if (left) {
      request.outflow.close()
      return void request.channel.close()
    }
    if (code !== 'malformed' && code !== 'target-failed') throw thrown
    say(request, refusalLine(asRefusal(thrown)))
    return finishRequest(request, FAILED_STATUS)
  }
}

const conclude = (conversation: Conversation, request: ChannelRequest, ticket: Ticket, done: boolean): Promise<void> => {
  conversation.host.finish(ticket, { outcome: done ? 'completed' : 'failed', bytesOut: 0 })
  return finishRequest(request, done ? 0 : FAILED_STATUS)
}

const transfer = async (conversation: Conversation, request: ChannelRequest, command: ScpCommand, start: StartServer): Promise<boolean> => {
  const ahead = new ReadAhead(request.channel, transferLimits.readAheadBytesMax)
  const lookUps = await openServer(conversation, start, (channel) => new LookUps(channel))
  let served: ScpTransfer | undefined
  const leave = (): void => {
    served?.finish('cancelled')
    lookUps.close()
    ahead.stop()
  }
  request.signal.addEventListener('abort', leave, { once: true })
  if (request.signal.aborted) leave()
  try {
    const home = await lookUps.start()
    served = new ScpTransfer(conversation, new Permits(conversation, request, lookUps, home, ahead.left), new TargetFiles(lookUps), new ScpWire(ahead, request.outflow))
    return await served.run(command)
  } finally {
    request.signal.removeEventListener('abort', leave)
    leave()
  }
}
