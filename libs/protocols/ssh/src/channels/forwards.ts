import { passThrough, Refusal, type Facts, type Operation, type Ticket } from '@sallyport/protocol-kit'
import type { ClientChannel, ServerChannel } from 'ssh2'
import { refusalLine } from '../errors.js'
import { requestOperation } from '../operations.js'
import type { Conversation } from '../session/conversation.js'
import { rejectWith } from '../transport/raw.js'
import { Outflow } from './outflow.js'
import { Relay } from './relay.js'

type OnChannel<C> = (error: Error | undefined, channel: C) => void

/** A way through the gateway that somebody asks to open, from either side. */
export interface Tunnel {
  readonly operation: Operation
  /** Opens the far end. */
  readonly open: () => Promise<{ readonly client: ServerChannel; readonly target: ClientChannel }>
  /** Tells who asked that it is not opened. */
  readonly reject: (why: string) => void
}

/** What a forward is judged by; hosts and paths as the client wrote them. */
export const forwardOperation = (action: 'ssh.forward.local' | 'ssh.forward.remote', facts: Facts, text: string): Operation => requestOperation(action, 'forward', facts, text, 'stream')

/** Why nothing may be opened now, whatever the policies say. An approval must not be used to look away: while something waits for people nothing else is opened. */
const obstacle = ({ options, gate }: Conversation): Refusal | undefined => {
  if (!options.forwards) return new Refusal('denied', 'this connection has no forwards', { remedy: 'Set forwards in the connection\'s options.' })
  return gate.holding ? new Refusal('denied', 'nothing can be opened while a command of this session waits for approval', { remedy: 'Ask again when it is decided.' }) : undefined
}

/** Judges what would open a way out. Answers its ticket once its record is safe, or undefined when it was refused (`reject` was called). */
export const admitForward = async (conversation: Conversation, operation: Operation, reject: (why: string) => void): Promise<Ticket | undefined> => {
  const { host, gate } = conversation
  const verdict = await gate.judge({ ...operation, refusal: obstacle(conversation) }, () => undefined, conversation.ended)
  if (verdict.kind === 'refuse') {
    reject(refusalLine(verdict.refusal))
    return undefined
  }
  const { ticket } = verdict
  // It may have been judged while nothing was held yet.
  const refusal = obstacle(conversation)
  if (refusal !== undefined) {
    host.finish(ticket, { outcome: 'failed', bytesOut: 0, error: { code: refusal.code, message: refusal.message } })
    reject(refusalLine(refusal))
    return undefined
  }
  await host.whenAcknowledged(ticket.sequence)
  return ticket
}

/** One connection through the gateway: judged, opened, carried, with the bytes of both directions in its record. */
export const serveTunnel = async (conversation: Conversation, tunnel: Tunnel): Promise<void> => {
  const { host, ended } = conversation
  const ticket = await admitForward(conversation, tunnel.operation, tunnel.reject)
  if (ticket === undefined) return
  let relay: Relay
  let outflow: Outflow
  let client: ServerChannel
  let target: ClientChannel
  try {
    ;({ client, target } = await tunnel.open())
    client.on('error', () => undefined)
    outflow = new Outflow(host, client)
    relay = new Relay({
      host, ticket, kind: 'tunnel', plan: { stream: passThrough }, mask: { hold: 'viable', delayMaxMs: 0, binary: 'pass' }, recordedBytesMax: 0, failed: conversation.fail,
    }, client, outflow, target)
  } catch {
    host.finish(ticket, { outcome: 'failed', bytesOut: 0, error: { code: 'target', message: 'the other end could not be opened' } })
    return tunnel.reject('Sallyport: the other end could not be opened.')
  }
  const leave = (): void => {
    outflow.close()
    relay.leave()
  }
  client.once('close', () => {
    outflow.close()
    closeWritten(target)
  })
  ended.addEventListener('abort', leave, { once: true })
  await relay.run()
  ended.removeEventListener('abort', leave)
  host.finish(ticket, relay.outcome())
  client.close()
}

/** Closes a channel when all that was written to it has gone out: the library would cut it. */
const closeWritten = (channel: ClientChannel): void => {
  channel.once('finish', () => channel.close())
  channel.end()
  if (channel.writableFinished) channel.close()
}

/** A callback of the library as a promise; what it throws at once is a rejection, too. */
const channelOf = <C>(ask: (done: OnChannel<C>) => unknown): Promise<C> => new Promise((resolve, reject) => {
  ask((error, channel) => (error === undefined ? resolve(channel) : reject(error)))
})

type Accept = () => ServerChannel
type Reject = () => void

/** Connections that the client opens to what the target reaches (RFC 4254, section 7.2; OpenSSH's PROTOCOL, section 2.4). */
export const serveLocalForwards = (conversation: Conversation): void => {
  const { client, upstream } = conversation
  const serve = (operation: Operation, accept: Accept, reject: Reject, far: () => Promise<ClientChannel>): void => {
    conversation.track(serveTunnel(conversation, {
      operation,
      open: async () => {
        const target = await far()
        return { target, client: accept() }
      },
      reject: (why) => rejectWith(client, reject, why),
    }))
  }
  client.on('tcpip', (accept, reject, { srcIP, srcPort, destIP, destPort }) => {
    const operation = forwardOperation('ssh.forward.local', { host: destIP, port: destPort }, `forward to ${destIP}:${destPort}`)
    serve(operation, accept as Accept, reject as Reject, () => channelOf((done: OnChannel<ClientChannel>) => upstream.forwardOut(srcIP, srcPort, destIP, destPort, done)))
  })
  client.on('openssh.streamlocal' as 'tcpip', ((accept: Accept, reject: Reject, { socketPath }: { readonly socketPath: string }) => {
    const operation = forwardOperation('ssh.forward.local', { path: socketPath }, `forward to the socket ${socketPath}`)
    serve(operation, accept, reject, () => channelOf((done: OnChannel<ClientChannel>) => upstream.openssh_forwardOutStreamLocal(socketPath, done)))
  }) as never)
}

interface ForwardRequest {
  readonly bindAddr: string
  readonly bindPort: number
  readonly socketPath: string
}

/** Listeners that the client asks for on the target, and the connections that come to them (RFC 4254, section 7.1). */
export const serveRemoteForwards = (conversation: Conversation): void => {
  const { client, upstream, host } = conversation
  const listen = async (operation: Operation, ask: (done: (error: Error | undefined, port?: number) => void) => unknown, accept: ((port?: number) => void) | undefined, reject: Reject | undefined): Promise<void> => {
    const ticket = await admitForward(conversation, operation, () => reject?.())
    if (ticket === undefined) return
    try {
      const port = await channelOf<number | undefined>((done) => ask(done as never))
      host.finish(ticket, { outcome: 'completed', bytesOut: 0 })
      accept?.(port)
    } catch {
      host.finish(ticket, { outcome: 'failed', bytesOut: 0, error: { code: 'target', message: 'the target refused it' } })
      reject?.()
    }
  }
  client.on('request', ((accept: ((port?: number) => void) | undefined, reject: Reject | undefined, name: string, { bindAddr, bindPort, socketPath }: ForwardRequest) => {
    switch (name) {
      case 'tcpip-forward':
        return conversation.track(listen(forwardOperation('ssh.forward.remote', { host: bindAddr, port: bindPort }, `listen on ${bindAddr}:${bindPort} of the target`), (done) => upstream.forwardIn(bindAddr, bindPort, done as never), accept, reject))
      case 'streamlocal-forward@openssh.com':
        return conversation.track(listen(forwardOperation('ssh.forward.remote', { path: socketPath }, `listen on the socket ${socketPath} of the target`), (done) => upstream.openssh_forwardInStreamLocal(socketPath, done as never), accept, reject))
      // To listen no more needs nobody's leave.
      case 'cancel-tcpip-forward':
        return quietly(() => upstream.unforwardIn(bindAddr, bindPort, () => undefined), accept, reject)
      case 'cancel-streamlocal-forward@openssh.com':
        return quietly(() => upstream.openssh_unforwardInStreamLocal(socketPath, () => undefined), accept, reject)
      default:
        return reject?.()
    }
  }) as never)
  serveArrivals(conversation)
}

const quietly = (act: () => unknown, accept: (() => void) | undefined, reject: Reject | undefined): void => {
  try {
    act()
    accept?.()
  } catch {
    reject?.()
  }
}

/** Connections that came to a listener on the target. */
const serveArrivals = (conversation: Conversation): void => {
  const { client, upstream } = conversation
  const serve = (operation: Operation, accept: () => ClientChannel, reject: Reject, far: () => Promise<ServerChannel>): void => {
    conversation.track(serveTunnel(conversation, {
      operation,
      open: async () => {
        const near = await far()
        return { client: near, target: accept() }
      },
      reject: () => reject(),
    }))
  }
  upstream.on('tcp connection', ({ destIP, destPort, srcIP, srcPort }, accept, reject) => {
    const operation = forwardOperation('ssh.forward.remote', { host: destIP, port: destPort, peer: srcIP }, `connection from ${srcIP}:${srcPort} to ${destIP}:${destPort} of the target`)
    serve(operation, accept as () => ClientChannel, reject as Reject, () => channelOf((done: OnChannel<ServerChannel>) => client.forwardOut(destIP, destPort, srcIP, srcPort, done as never)))
  })
  upstream.on('unix connection' as 'tcp connection', (({ socketPath }: { readonly socketPath: string }, accept: () => ClientChannel, reject: Reject) => {
    const operation = forwardOperation('ssh.forward.remote', { path: socketPath }, `connection to the socket ${socketPath} of the target`)
    serve(operation, accept, reject, () => channelOf((done: OnChannel<ServerChannel>) => client.openssh_forwardOutStreamLocal(socketPath, done as never)))
  }) as never)
}
