import { Refusal } from '@sallyport/protocol-kit'
import { finishRequest, refuseRequest, say, type ChannelRequest, type Serve } from '../channels/request.js'
import { asRefusal, refusalLine } from '../errors.js'
import type { Conversation } from '../session/conversation.js'
import { Exchange } from './exchange.js'
import { transferLimits } from './limits.js'
import { LookUps } from './look-ups.js'
import { openServer, type StartServer } from './open-server.js'
import { transferOperation } from './operations.js'
import { Permits } from './permits.js'
import { ReadAhead } from './read-ahead.js'
import { SftpChannel } from './sftp-channel.js'

/** What OpenSSH's client exits with when it could not run anything. */
const NOT_RUN_STATUS = 255

/** The subsystem `sftp`, or a command that starts its server. `text` is what the client asked for. Rejects only when the session can't go on. */
export const serveSftp = (text: string, start: StartServer): Serve => async (conversation, request) => {
  const { host, gate } = conversation
  const operation = transferOperation('sftp', text, [{ action: 'ssh.sftp', operation: 'start' }], [])
  const verdict = await gate.judge(operation, (notice) => say(request, notice.text), request.signal)
  if (verdict.kind === 'refuse') return refuseRequest(request, verdict.refusal)
  const { ticket } = verdict
  try {
    await host.whenAcknowledged(ticket.sequence)
    const ended = await transfer(conversation, request, start)
    host.finish(ticket, { outcome: ended === undefined ? request.signal.aborted ? 'cancelled' : 'completed' : 'failed', bytesOut: 0, ...(ended === undefined ? {} : { error: { code: ended.code, message: ended.message } }) })
    if (request.signal.aborted) return undefined
    if (ended !== undefined) say(request, refusalLine(ended))
    return await finishRequest(request, ended === undefined ? 0 : NOT_RUN_STATUS)
  } catch (thrown) {
    host.finish(ticket, { outcome: 'failed', bytesOut: 0, error: { code: asRefusal(thrown).code, message: asRefusal(thrown).message } })
    throw thrown
  }
}

/** Carries one SFTP channel; answers why it had to end, where somebody broke the protocol. */
const transfer = async (conversation: Conversation, request: ChannelRequest, start: StartServer): Promise<Refusal | undefined> => {
  const { signal } = request
  let lookUps: LookUps | undefined
  let exchange: Exchange | undefined
  let served: SftpChannel | undefined
  const ahead = new ReadAhead(request.channel, transferLimits.readAheadBytesMax)
  const leave = (): void => {
    served?.finish('cancelled')
    exchange?.close()
    lookUps?.close()
  }
  signal.addEventListener('abort', leave, { once: true })
  try {
    exchange = await openServer(conversation, start, (channel) => new Exchange(conversation.host, channel, request.outflow))
    lookUps = await openServer(conversation, start, (channel) => new LookUps(channel))
    const [home] = await Promise.all([lookUps.start(), exchange.start()])
    served = new SftpChannel(conversation, request, exchange, new Permits(conversation, request, lookUps, home, ahead.left), ahead)
    if (signal.aborted) leave()
    const delivered = exchange.run()
    // The client's end is the target's; that one's ends this.
    await Promise.race([delivered, served.run().then(() => exchange?.end()).then(() => delivered)])
    served.finish(ahead.left.aborted ? 'cancelled' : 'lost')
    return undefined
  } catch (thrown) {
    served?.finish(ahead.left.aborted ? 'cancelled' : 'lost')
    if (signal.aborted) return undefined
    if (thrown instanceof Refusal && (thrown.code === 'malformed' || thrown.code === 'target-failed')) return thrown
    throw thrown
  } finally {
    signal.removeEventListener('abort', leave)
    exchange?.close()
    lookUps?.close()
    ahead.stop()
  }
}
