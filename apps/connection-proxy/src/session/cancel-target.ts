import net from 'node:net'
import type { Connection } from '@sallyport/contracts/directory'
import type { Logger } from 'pino'

const ASIDE_TIMEOUT_MS = 5_000

/** Shows a target some bytes on a connection of their own and waits for it to hang up (a cancel request). Never throws: like the client's, it is best effort. */
export const sendAside = (connection: Connection, bytes: Uint8Array, logger: Logger): Promise<void> =>
  new Promise((resolve) => {
    const { host, port } = connection.spec.target
    const socket = net.connect({ host, port })
    socket.setTimeout(ASIDE_TIMEOUT_MS, () => socket.destroy())
    socket.on('connect', () => socket.end(bytes))
    socket.on('error', (error) => logger.warn({ connection: connection.name, error: error.message }, 'a cancel request did not reach the target'))
    socket.on('close', () => resolve())
    socket.resume()
  })
