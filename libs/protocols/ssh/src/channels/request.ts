import type { PseudoTtyInfo, ServerChannel } from 'ssh2'
import type { Refusal } from '@sallyport/protocol-kit'
import { refusalLine, REFUSED_STATUS } from '../errors.js'

export interface WindowSize {
  readonly rows: number
  readonly cols: number
  readonly height: number
  readonly width: number
}

/** A session channel on which the client has asked for something to run. */
export interface ChannelRequest {
  readonly channel: ServerChannel
  readonly terminal: PseudoTtyInfo | undefined
  /** Variables that were let through. */
  readonly environment: Readonly<Record<string, string>>
  /** Aborted when the client closes the channel or leaves. */
  readonly signal: AbortSignal
  /** Signals (`TERM`, without SIG) and sizes of the terminal that come while it runs; at most one listener each. */
  onSignal: (name: string) => void
  onResize: (size: WindowSize) => void
}

/** A line on stderr; a terminal has only one stream, and needs the carriage return. */
export const say = ({ channel, terminal }: ChannelRequest, line: string): void => {
  if (terminal === undefined) channel.stderr.write(`${line}\n`)
  else channel.write(`${line}\r\n`)
}

/** Ends the channel with a status, once everything written before has gone into the client's window. */
export const finishChannel = (channel: ServerChannel, status: number): void => {
  channel.stderr.end(() => {
    channel.exit(status)
    channel.end()
  })
}

/** Refuses what the channel was asked for; the connection goes on. */
export const refuseRequest = (request: ChannelRequest, refusal: Refusal): void => {
  say(request, refusalLine(refusal))
  finishChannel(request.channel, REFUSED_STATUS)
  request.channel.resume()
}
