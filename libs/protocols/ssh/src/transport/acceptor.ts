import type { Duplex } from 'node:stream'
import ssh2, { type Connection, type Server } from 'ssh2'
import { limits } from '../limits.js'
import { algorithms } from './algorithms.js'
import { keepKeys, offerNoSha1 } from './raw.js'

interface Awaited {
  readonly onClient: (client: Connection, software: string) => void
}

/** Servers by the keys they have: parsing keys takes longer than a hand-shake's other parts. */
const servers = new WeakMap<readonly string[], Server>()
const waiting = new WeakMap<Duplex, Awaited>()

const serverFor = (keys: readonly string[]): Server => {
  const known = servers.get(keys)
  if (known !== undefined) return known
  const server = new ssh2.Server({
    hostKeys: [...keys], ident: 'Sallyport', algorithms, keepaliveInterval: limits.keepAliveMs, keepaliveCountMax: limits.keepAlivesMax,
  }, (client, { header }) => {
    offerNoSha1(client)
    client.on('handshake', () => keepKeys(client))
    const stream = (client as unknown as { readonly _sock: Duplex })._sock
    waiting.get(stream)?.onClient(client, header.versions.software)
  })
  servers.set(keys, server)
  return server
}

/** Speaks SSH as a server over a stream. `onClient` is called when the client has said its version; the key exchange follows. */
export const acceptClient = (keys: readonly string[], stream: Duplex, onClient: (client: Connection, software: string) => void): void => {
  waiting.set(stream, { onClient })
  serverFor(keys).injectSocket(stream as never)
}
