import { Refusal } from '@sallyport/protocol-kit'
import type { Client, Connection } from 'ssh2'
import { limits } from '../limits.js'
import { openChannels, refuseChannel, watch, windowOf } from './raw.js'

interface ChannelOffer {
  readonly sender: number
  packetSize: number
}

/**
 * What the library lets a peer do and must not: send beyond its window (it would buffer without end), ask for packets of no or hardly any bytes
 * (it would loop), open channels without end.
 */
export const guard = (peer: Connection | Client, broke: (refusal: Refusal) => void): void => {
  let stopped = false
  const stop = (why: string): false => {
    if (!stopped) broke(new Refusal('malformed', why))
    stopped = true
    return false
  }
  const sized = (offer: ChannelOffer): boolean => {
    if (offer.packetSize < limits.packetBytesMin) return stop('a channel takes packets of too few bytes')
    offer.packetSize = Math.min(offer.packetSize, limits.packetBytesMax)
    return true
  }
  const within = (channel: number, length: number): boolean => {
    const window = windowOf(peer, channel)
    return window === undefined || length <= window || stop('more was sent than a channel\'s window lets through')
  }
  watch(peer, 'CHANNEL_OPEN', (offer: ChannelOffer) => {
    if (stopped || !sized(offer)) return false
    if (openChannels(peer) < limits.channelsMax) return true
    refuseChannel(peer, offer.sender, 4, 'too many channels')
    return false
  })
  watch(peer, 'CHANNEL_OPEN_CONFIRMATION', sized)
  watch(peer, 'CHANNEL_DATA', (channel: number, data: Buffer) => !stopped && within(channel, data.length))
  watch(peer, 'CHANNEL_EXTENDED_DATA', (channel: number, data: Buffer) => !stopped && within(channel, data.length))
}
