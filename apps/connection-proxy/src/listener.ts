import net, { type Server, type Socket } from 'node:net'
import { Refusal, type ProtocolDescriptor } from '@sallyport/protocol-kit'
import { GatewaySession } from './session/gateway-session.js'
import type { ProxyServices } from './session/services.js'

export interface ListenerOptions {
  readonly descriptor: ProtocolDescriptor
  readonly host: string
  readonly port: number
  readonly reusePort: boolean
  /** Connections that are let in: bounded by whoever admits them, known here to leave room for them. */
  readonly sessionsMax: number
  /** Connections that aren't let in yet; for one more the oldest has to go. */
  readonly halfOpenMax: number
  readonly services: ProxyServices
}

/** Connections that are being closed: their last word may still be on its way. */
const LEAVING_MAX = 1_024

/** Accepts one protocol's connections. Nothing is awaited in the accept loop: each connection lives on its own. */
export class Listener {
  private readonly server: Server
  private readonly sessions = new Set<GatewaySession>()
  /** Those not let in yet, the oldest first. */
  private readonly halfOpen = new Set<GatewaySession>()

  constructor(private readonly options: ListenerOptions) {
    this.server = net.createServer({ noDelay: true, keepAlive: true, allowHalfOpen: true, pauseOnConnect: false }, (socket) => this.accept(socket))
    // Beyond this Node closes what comes.
    this.server.maxConnections = options.sessionsMax + options.halfOpenMax + LEAVING_MAX
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
    const session: GatewaySession = new GatewaySession(services, descriptor, socket, () => {
      this.halfOpen.delete(session)
      this.sessions.delete(session)
    })
    session.onOpened = () => this.halfOpen.delete(session)
    this.sessions.add(session)
    this.halfOpen.add(session)
    if (this.halfOpen.size > this.options.halfOpenMax) this.displaceOldest()
  }

  /** Whoever only holds connections open must not keep others from logging in: the longest wait ends first. */
  private displaceOldest(): void {
    const [oldest] = this.halfOpen
    if (oldest === undefined) return
    this.halfOpen.delete(oldest)
    oldest.abandon(new Refusal('limit', 'too many connections are logging in', { remedy: 'Try again in a moment.' }))
  }
}
