import type { AcceptConnection, RejectConnection, ServerChannel, Session } from 'ssh2'
import type { Conversation } from '../session/conversation.js'
import { serveShell } from '../shell/serve-shell.js'
import { serveExec, serveUnknownSubsystem, subsystems } from './dispatch.js'
import { judgeVariable } from './environment.js'
import { Outflow } from './outflow.js'
import type { ChannelRequest, Serve, Terminal, WindowSize } from './request.js'
import { judgeUnsupported } from './unsupported.js'

type Accept = AcceptConnection<ServerChannel> | undefined
type Reject = RejectConnection | undefined

/**
 * One session channel of the client (RFC 4254, section 6): gathers what is asked for before something runs, and then runs it. Requests are
 * answered in the library's own callbacks, since clients go on at once; what they ask for waits behind the answer.
 */
export const serveSessionChannel = (conversation: Conversation, session: Session): void => {
  const leaving = new AbortController()
  const variables: Promise<readonly [string, string] | undefined>[] = []
  let terminal: Terminal | undefined
  let running: ChannelRequest | undefined
  session.once('close', () => leaving.abort())

  session.on('env', (_accept: Accept, _reject: Reject, { key, val }: { readonly key: string; readonly val: string }) => {
    const variable = judgeVariable(conversation, key, val, variables.length)
    variables.push(variable)
    conversation.track(variable.then(() => undefined))
  })
  session.on('pty', (accept: Accept, _reject: Reject, info: Terminal) => {
    terminal = info
    accept?.()
  })
  session.on('window-change', (accept: Accept, _reject: Reject, size: WindowSize) => {
    accept?.()
    if (running !== undefined) running.onResize(size)
    else if (terminal !== undefined) terminal = { ...terminal, ...size }
  })
  session.on('signal', (accept: Accept, _reject: Reject, { name }: { readonly name: string }) => {
    accept?.()
    running?.onSignal(name)
  })
  session.on('auth-agent', (_accept: Accept, reject: Reject) => judgeUnsupported(conversation, 'ssh.agent', 'forward', 'agent forwarding', reject))
  session.on('x11', (_accept: Accept, reject: Reject) => judgeUnsupported(conversation, 'ssh.x11', 'forward', 'X11 forwarding', reject))

  const start = (channel: ServerChannel | undefined, serve: Serve): void => {
    if (channel === undefined) return
    channel.on('error', () => undefined)
    const outflow = new Outflow(conversation.host, channel)
    const signal = AbortSignal.any([leaving.signal, conversation.ended])
    signal.addEventListener('abort', () => outflow.close(), { once: true })
    const work = async (): Promise<void> => {
      const environment = Object.fromEntries((await Promise.all(variables)).filter((variable) => variable !== undefined))
      running = { channel, outflow, terminal, environment, signal, onSignal: () => undefined, onResize: () => undefined }
      await serve(conversation, running)
    }
    conversation.track(work())
  }
  session.on('exec', (accept: Accept, _reject: Reject, { command }: { readonly command: string }) => {
    start(accept?.(), serveExec(command))
  })
  session.on('shell', (accept: Accept) => start(accept?.(), serveShell))
  session.on('subsystem', (accept: Accept, _reject: Reject, { name }: { readonly name: string }) => {
    start(accept?.(), Object.hasOwn(subsystems, name) ? subsystems[name]! : serveUnknownSubsystem(name))
  })
}
