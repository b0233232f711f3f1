import { limits } from '../limits.js'
import { MalformedFrame } from './malformed.js'
import { startup } from './types.js'

/** The untyped packets that a client may open with (PostgreSQL documentation, 54.7: StartupMessage, SSLRequest, GSSENCRequest, CancelRequest). */
export type StartupPacket =
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gssenc' }
  | { readonly kind: 'cancel'; readonly key: Buffer }
  | { readonly kind: 'startup'; readonly version: number; readonly parameters: ReadonlyMap<string, string> }
  | { readonly kind: 'unsupported'; readonly major: number; readonly minor: number }

/** Length of the packet that the bytes begin with, or undefined when its first four bytes aren't there. @throws MalformedFrame for a length out of bounds. */
export const startupLength = (bytes: Buffer): number | undefined => {
  if (bytes.length < 4) return undefined
  const length = bytes.readInt32BE(0)
  if (length < 8 || length > limits.startupBytesMax) throw new MalformedFrame('invalid length of startup packet')
  return length
}

/** Parses one whole packet. @throws MalformedFrame */
export const parseStartup = (packet: Buffer): StartupPacket => {
  const code = packet.readInt32BE(4)
  switch (code) {
    case startup.ssl:
    case startup.gssenc:
      if (packet.length !== 8) throw new MalformedFrame('invalid length of startup packet')
      return { kind: code === startup.ssl ? 'ssl' : 'gssenc' }
    case startup.cancel:
      if (packet.length < 16 || packet.length > 12 + limits.cancelKeyBytesMax) throw new MalformedFrame('invalid length of query cancel packet')
      return { kind: 'cancel', key: Buffer.from(packet.subarray(8)) }
    default:
  }
  const major = code >>> 16
  if (major !== 3) return { kind: 'unsupported', major, minor: code & 0xffff }
  return { kind: 'startup', version: code, parameters: parameterList(packet) }
}

const parameterList = (packet: Buffer): ReadonlyMap<string, string> => {
  const parameters = new Map<string, string>()
  let at = 8
  while (at < packet.length && packet[at] !== 0) {
    const nameEnd = packet.indexOf(0, at)
    const valueEnd = nameEnd < 0 ? -1 : packet.indexOf(0, nameEnd + 1)
    if (valueEnd < 0) throw new MalformedFrame('invalid startup packet layout: expected terminator as last byte')
    const name = packet.toString('utf8', at, nameEnd)
    if (parameters.has(name)) throw new MalformedFrame(`invalid startup packet layout: parameter "${name}" is given twice`)
    parameters.set(name, packet.toString('utf8', nameEnd + 1, valueEnd))
    at = valueEnd + 1
  }
  if (at !== packet.length - 1) throw new MalformedFrame('invalid startup packet layout: expected terminator as last byte')
  return parameters
}
