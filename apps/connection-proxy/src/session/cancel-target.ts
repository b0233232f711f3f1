import { once } from 'node:events'
import net, { type Socket } from 'node:net'
import type { Connection } from '@sallyport/contracts/directory'
import type { SecuredAside } from '@sallyport/protocol-kit'
import type { Logger } from 'pino'
import { secureAsClient } from '../wire/tls.js'

const ASIDE_TIMEOUT_MS = 5_000

/** Shows a target something on a connection of its own and waits for it to hang up (a cancel request). Never throws: like the client's, it is best effort. */
export const sendAside = async (connection: Connection, aside: Uint8Array | SecuredAside, logger: Logger): Promise<void> => {
  const { host, port } = connection.spec.target
  const socket = net.connect({ host, port })
  const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), ASIDE_TIMEOUT_MS)
  try {
    await once(socket, 'connect')
    const stream = 'ask' in aside ? await secured(socket, connection, aside) : socket
    // Whether it hangs up politely says nothing of what it did.
    stream.on('error', () => undefined)
    const closed = new Promise((resolve) => { stream.once('close', resolve) })
    stream.end('ask' in aside ? aside.bytes : aside)
    stream.resume()
    await closed
  } catch (error) {
    logger.warn({ connection: connection.name, error: error instanceof Error ? error.message : String(error) }, 'a cancel request did not reach the target')
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

const secured = async (socket: Socket, connection: Connection, { ask, agreed }: SecuredAside): Promise<Socket> => {
  const { host, tls, ca } = connection.spec.target
  const gone = once(socket, 'close').then(() => { throw new Error('the target hung up') })
  gone.catch(() => undefined)
  socket.write(ask)
  const [answer] = await Promise.race([once(socket, 'data'), gone]) as [Buffer]
  if (!answer.equals(agreed)) throw new Error('the target does not offer TLS any more')
  return (await secureAsClient(socket, host, tls, ca)).socket
}
