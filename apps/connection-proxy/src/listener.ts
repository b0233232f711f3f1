import net, { type Server, type Socket } from 'node:net'
import type { ProtocolDescriptor } from '@sallyport/protocol-kit'
import { GatewaySession } from './session/gateway-session.js'
import type { ProxyServices } from './session/services.js'

export interface ListenerOptions {
  readonly descriptor: ProtocolDescriptor
  readonly host: string
  readonly port: number
  readonly reusePort: boolean
  readonly connectionsMax: number
  readonly services: ProxyServices
}

/** Accepts one protocol's connections. Nothing is awaited in the accept loop: each connection lives on its own. */
export class Listener {
  private readonly server: Server
  private readonly sessions = new Set<GatewaySession>()

  constructor(private readonly options: ListenerOptions) {
    this.server = net.createServer({ noDelay: true, keepAlive: true, allowHalfOpen: true, pauseOnConnect: false }, (socket) => this.accept(socket))
    // Beyond this Node closes what comes.
    this.server.maxConnections = options.connectionsMax
  }

  async listen(): Promise<{ host: string; port: number }> {
    const { host, port, reusePort } = this.options
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen({ host, port, reusePort, backlog: 1024 }, () => {
        this.server.off('error', reject)
        resolve()
      })
    })
    return { host, port: (this.server.address() as net.AddressInfo).port }
  }

  get connections(): number {
    return this.sessions.size
  }

  stopAccepting(): void {
    this.server.close()
  }

  private accept(socket: Socket): void {
    const { services, descriptor } = this.options
    // Until the session listens itself, a reset must not be an unhandled error.
    socket.on('error', () => undefined)
    const session: GatewaySession = new GatewaySession(services, descriptor, socket, () => this.sessions.delete(session))
    this.sessions.add(session)
  }
}
