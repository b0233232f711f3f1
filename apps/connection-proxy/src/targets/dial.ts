import net, { type Socket } from 'node:net'
import type { Connection } from '@sallyport/contracts/directory'
import { sealingContext } from '@sallyport/contracts/directory'
import { unseal } from '@sallyport/sealing'
import { Refusal, type TargetAccess } from '@sallyport/protocol-kit'

const CONNECT_TIMEOUT_MS = 10_000

export interface TargetKeys {
  /** Private JSON Web Keys that open sealed credentials. */
  readonly keys: Parameters<typeof unseal>[1]
}

const connect = (host: string, port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true, keepAlive: true, allowHalfOpen: true })
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), CONNECT_TIMEOUT_MS)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', fail)
      // Whoever takes it over listens too; between two owners (TLS in place) an error must not go unheard and end the process.
      socket.on('error', () => undefined)
      resolve(socket)
    })
    const fail = (cause: Error): void => {
      clearTimeout(timer)
      reject(new Refusal('target-unreachable', 'the target can\'t be reached', { remedy: 'Tell whoever runs it, or check the connection\'s target host and port.' }, { cause }))
    }
    socket.once('error', fail)
  })

/** Opens the sealed credential, in memory only. Rejects with a Refusal when it can't be opened where it would be sent. */
const openCredential = async (connection: Connection, keys: TargetKeys): Promise<TargetAccess['credential']> => {
  const { credentials, target } = connection.spec
  if (credentials.sealed === undefined) return undefined
  try {
    return { kind: credentials.kind, secret: await unseal(credentials.sealed, keys.keys, sealingContext(connection.name, target, credentials)) }
  } catch (cause) {
    throw new Refusal('target-unreachable', 'the target\'s credential can\'t be opened', { remedy: 'Give the credential of this connection again: it is bound to the target\'s host, port, TLS mode and user.' }, { cause })
  }
}

/** Connects to a connection's target and answers the socket with what the hand-shake needs. Rejects with a Refusal. */
export const dialTarget = async (connection: Connection, database: string | undefined, keys: TargetKeys): Promise<{ socket: Socket; access: TargetAccess }> => {
  const { target, credentials } = connection.spec
  const credential = await openCredential(connection, keys)
  const socket = await connect(target.host, target.port)
  return {
    socket,
    access: { host: target.host, port: target.port, database: database ?? target.database, username: credentials.username, credential, tls: target.tls },
  }
}
