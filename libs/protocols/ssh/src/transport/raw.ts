import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Client, Connection, ServerChannel } from 'ssh2'

/** Message numbers, RFC 4250 section 4.1.2. */
const DISCONNECT = 1
const USERAUTH_REQUEST = 50
const USERAUTH_BANNER = 53

/** What the library keeps to itself and we need: a disconnect with a text, a banner at any time, who was agreed with what. Pinned to its exact version. */
interface Innards {
  readonly _chanMgr: ChannelManager
  readonly _protocol: {
    readonly _strictMode: boolean | undefined
    readonly _kexinit: unknown
    readonly _packetRW: { readonly write: { readonly allocStart: number; readonly allocStartKEX: number; alloc(bytes: number, force?: boolean): Buffer; finalize(packet: Buffer, force?: boolean): Buffer } }
    readonly _cipher: { encrypt(packet: Buffer): void } & Keys
    readonly _decipher: Keys | undefined
    _offer: Offer
    readonly _kex: { readonly sessionID: Buffer }
    readonly _authsQueue: string[]
    channelOpenFail(recipient: number, reason: number, text: string): void
    readonly _handlers: Record<string, ((...given: readonly never[]) => void) | undefined>
  }
}

/** Keys of a cipher, by what the library calls them in AES-GCM's and ChaCha20-Poly1305's. */
type Keys = Partial<Record<typeof keyNames[number], Buffer | KeyObject>>

const keyNames = ['_encKey', '_encKeyMain', '_encKeyPktLen', '_decipherKey', '_decKeyMain', '_decKeyPktLen'] as const

interface Named {
  readonly array: readonly string[]
}

interface Direction<T> {
  readonly cipher: T
  readonly mac: T
  readonly compress: T
  readonly lang: T
}

/** What is offered in a key exchange. */
interface Offer {
  readonly constructor: new (offered: { readonly kex: readonly string[]; readonly serverHostKey: readonly string[]; readonly cs: Direction<readonly string[]>; readonly sc: Direction<readonly string[]> }) => Offer
  readonly lists: { readonly kex: Named; readonly serverHostKey: Named; readonly cs: Direction<Named>; readonly sc: Direction<Named> }
}

interface ChannelManager {
  readonly _count: number
  get(id: number): unknown
}

const protocolOf = (peer: Connection | Client): Innards['_protocol'] => (peer as unknown as Innards)._protocol

/** A value as SSH's `string` (RFC 4251, section 5). */
const bytes = (value: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(value.length)
  return Buffer.concat([head, value])
}

const text = (value: string): Buffer => bytes(Buffer.from(value))

/** RFC 4253 section 11.1. Goes out even in the middle of a key exchange. */
export const disconnect = (peer: Connection | Client, reason: number, why: string): void => {
  const protocol = protocolOf(peer)
  const body = Buffer.concat([Buffer.from([DISCONNECT, 0, 0, 0, reason]), text(why), text('')])
  const { write } = protocol._packetRW
  const packet = write.alloc(body.length, true)
  packet.set(body, write.allocStartKEX)
  protocol._cipher.encrypt(write.finalize(packet, true))
}

/** RFC 4252 section 5.4: a text that clients show, at any time before they are let in. Nothing while keys are exchanged. */
export const banner = (peer: Connection, message: string): void => {
  const protocol = protocolOf(peer)
  if (protocol._kexinit !== undefined) return
  const body = Buffer.concat([Buffer.from([USERAUTH_BANNER]), text(`${message}\r\n`), text('')])
  const { write } = protocol._packetRW
  const packet = write.alloc(body.length)
  packet.set(body, write.allocStart)
  protocol._cipher.encrypt(write.finalize(packet))
}

/** Whether the peer has said that nothing more comes on a channel (RFC 4254 section 5.3), read or not. */
export const inputEnded = (channel: ServerChannel): boolean => (channel as unknown as { readonly incoming: { readonly state: string } }).incoming.state !== 'open'

/** These ciphers are made anew for each packet, from a key in bytes: Node needs 20 µs more for that than with one that it has taken over. Must be called after each key exchange. */
export const keepKeys = (peer: Connection | Client): void => {
  const { _cipher: cipher, _decipher: decipher } = protocolOf(peer)
  for (const keys of [cipher, decipher]) {
    if (keys === undefined) continue
    for (const name of keyNames) {
      const key = keys[name]
      if (Buffer.isBuffer(key)) keys[name] = createSecretKey(key)
    }
  }
}

/** Whether both sides agreed on strict key exchange. */
export const isStrict = (peer: Connection | Client): boolean => protocolOf(peer)._strictMode === true

/** Sees a message before the library does; when it answers false, the library doesn't see it. */
export const watch = <T extends readonly unknown[]>(peer: Connection | Client, message: string, see: (...given: T) => boolean): void => {
  const handlers = protocolOf(peer)._handlers
  const original = handlers[message] as ((protocol: unknown, ...given: T) => void) | undefined
  handlers[message] = ((protocol: unknown, ...given: T): void => {
    if (see(...given)) original?.(protocol, ...given)
  }) as never
}

interface ChannelInnards {
  _chunk: unknown
  _chunkcb: unknown
  _chunkErr: unknown
  _chunkcbErr: unknown
}

/** The library writes a piece that had waited for the client's window again, when later the other of stdout and stderr waits: it never forgets it. */
export const forgetWritten = (channel: ServerChannel): void => {
  const innards = channel as unknown as ChannelInnards
  innards._chunk = undefined
  innards._chunkcb = undefined
  innards._chunkErr = undefined
  innards._chunkcbErr = undefined
}

/** Channels that are open or being opened. */
export const openChannels = (peer: Connection | Client): number => (peer as unknown as Innards)._chanMgr._count

/** How much more a peer may send into a channel of its own; undefined where there is none yet. */
export const windowOf = (peer: Connection | Client, channel: number): number | undefined => {
  const found = (peer as unknown as Innards)._chanMgr.get(channel) as { readonly _channel?: { readonly incoming: { readonly window: number } }; readonly incoming?: { readonly window: number } } | boolean | undefined
  if (typeof found !== 'object') return undefined
  return (found._channel ?? found).incoming?.window
}

/** RFC 4254, section 5.1: reasons 1 (prohibited) and 4 (shortage). */
export const refuseChannel = (peer: Connection | Client, recipient: number, reason: 1 | 4, text: string): void => protocolOf(peer).channelOpenFail(recipient, reason, text)

/** The library refuses a channel with no word why: says it. */
export const rejectWith = (peer: Connection, reject: () => void, text: string): void => {
  const protocol = protocolOf(peer)
  const original = protocol.channelOpenFail
  protocol.channelOpenFail = (recipient) => original.call(protocol, recipient, 1, text)
  try {
    reject()
  } finally {
    protocol.channelOpenFail = original
  }
}

/** Asks to be let in by a key of a kind that the library doesn't know (RFC 4252, section 7). `sign` answers the signature as SSH's string has it. */
export const authenticateBy = (peer: Client, username: string, algorithm: string, blob: Buffer, sign: (data: Buffer) => Buffer): void => {
  const protocol = protocolOf(peer)
  const request = Buffer.concat([Buffer.from([USERAUTH_REQUEST]), text(username), text('ssh-connection'), text('publickey'), Buffer.from([1]), text(algorithm), bytes(blob)])
  const body = Buffer.concat([request, bytes(sign(Buffer.concat([bytes(protocol._kex.sessionID), request])))])
  protocol._authsQueue.push('publickey')
  const { write } = protocol._packetRW
  const packet = write.alloc(body.length)
  packet.set(body, write.allocStart)
  protocol._cipher.encrypt(write.finalize(packet))
}

const directionOf = ({ cipher, mac, compress, lang }: Direction<Named>): Direction<readonly string[]> => ({ cipher: cipher.array, mac: mac.array, compress: compress.array, lang: lang.array })

const withoutSha1Offers = new WeakMap<Offer, Offer>()

/** The library offers an RSA host key with SHA-1 signatures, too, whatever it is told. Must be called before the key exchange begins. */
export const offerNoSha1 = (client: Connection): void => {
  const protocol = protocolOf(client)
  const offer = protocol._offer
  let better = withoutSha1Offers.get(offer)
  if (better === undefined) {
    const { kex, serverHostKey, cs, sc } = offer.lists
    better = new offer.constructor({ kex: kex.array, serverHostKey: serverHostKey.array.filter((name) => name !== 'ssh-rsa'), cs: directionOf(cs), sc: directionOf(sc) })
    withoutSha1Offers.set(offer, better)
  }
  protocol._offer = better
}
