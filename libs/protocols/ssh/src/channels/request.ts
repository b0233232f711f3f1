import type { PseudoTtyInfo, ServerChannel } from 'ssh2'
import type { Refusal } from '@sallyport/protocol-kit'
import { refusalLine, REFUSED_STATUS } from '../errors.js'
import type { Conversation } from '../session/conversation.js'
import type { Outflow } from './outflow.js'

export interface WindowSize {
  readonly rows: number
  readonly cols: number
  readonly height: number
  readonly width: number
}

export interface Terminal extends PseudoTtyInfo {
  readonly term: string
}

/** A session channel on which the client has asked for something to run. */
export interface ChannelRequest {
  readonly channel: ServerChannel
  /** The only way by which bytes go to the channel. */
  readonly outflow: Outflow
  readonly terminal: Terminal | undefined
  /** Variables that were let through. */
  readonly environment: Readonly<Record<string, string>>
  /** Aborted when the client closes the channel, or the session ends. */
  readonly signal: AbortSignal
  /** Called with signals (`TERM`, without SIG) and sizes of the terminal that come while it runs. */
  onSignal: (name: string) => void
  onResize: (size: WindowSize) => void
}

/** Serves what a session channel was asked for, until the channel has ended. Rejects only when the session can't go on. */
export type Serve = (conversation: Conversation, request: ChannelRequest) => Promise<void>

/** A line on stderr; a terminal has only one stream, and needs the carriage return. */
export const say = ({ outflow, terminal }: Pick<ChannelRequest, 'outflow' | 'terminal'>, line: string): void => {
  if (terminal === undefined) outflow.write('error', Buffer.from(`${line}\n`))
  else outflow.write('output', Buffer.from(`${line}\r\n`))
}

/** Ends the channel with a status, once everything written before is on its way. The library closes a channel that ends, and that would cut what waits. */
export const finishRequest = async ({ channel, outflow, signal }: ChannelRequest, status: number): Promise<void> => {
  await outflow.drained()
  if (signal.aborted) return
  channel.exit(status)
  channel.end()
  // What the client still sends is read and dropped, so that its end is seen.
  channel.resume()
}

/** Refuses what the channel was asked for; the connection goes on. */
export const refuseRequest = (request: ChannelRequest, refusal: Refusal): Promise<void> => {
  say(request, refusalLine(refusal))
  return finishRequest(request, REFUSED_STATUS)
}
