import type { AcceptConnection, PseudoTtyInfo, RejectConnection, ServerChannel, Session } from 'ssh2'
import { Refusal } from '@sallyport/protocol-kit'
import type { Conversation } from '../session/conversation.js'
import { judgeVariable } from './environment.js'
import { runExec } from './exec.js'
import { refuseRequest, type ChannelRequest, type WindowSize } from './request.js'

type Accept = AcceptConnection<ServerChannel> | undefined
type Reject = RejectConnection | undefined

/**
 * One session channel of the client (RFC 4254, section 6): gathers what is asked for before something runs, and then runs it. Requests are
 * answered in the library's own callbacks, since clients go on at once; what they ask for waits behind the answer.
 */
export const serveSessionChannel = (conversation: Conversation, session: Session): void => {
  const leaving = new AbortController()
  const variables: Promise<readonly [string, string] | undefined>[] = []
  let terminal: PseudoTtyInfo | undefined
  let running: ChannelRequest | undefined
  session.once('close', () => leaving.abort())

  session.on('env', (_accept: Accept, _reject: Reject, { key, val }: { readonly key: string; readonly val: string }) => {
    variables.push(judgeVariable(conversation, key, val, variables.length))
  })
  session.on('pty', (accept: Accept, _reject: Reject, info: PseudoTtyInfo) => {
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

  const start = (channel: ServerChannel | undefined, run: (request: ChannelRequest) => Promise<void>): void => {
    if (channel === undefined) return
    channel.on('error', () => undefined)
    const work = async (): Promise<void> => {
      const environment = Object.fromEntries((await Promise.all(variables)).filter((variable) => variable !== undefined))
      const request: ChannelRequest = { channel, terminal, environment, signal: leaving.signal, onSignal: () => undefined, onResize: () => undefined }
      running = request
      await run(request)
    }
    conversation.track(work())
  }
  session.on('exec', (accept: Accept, _reject: Reject, { command }: { readonly command: string }) => {
    start(accept?.(), (request) => runExec(conversation, request, command))
  })
  session.on('shell', (accept: Accept) => {
    start(accept?.(), async (request) => refuseRequest(request, new Refusal('denied', 'this connection has no interactive shells', { remedy: 'Give the command to run: ssh … <command>.' })))
  })
  session.on('subsystem', (accept: Accept, _reject: Reject, { name }: { readonly name: string }) => {
    start(accept?.(), async (request) => refuseRequest(request, new Refusal('denied', `the subsystem ${name} is not allowed`)))
  })
}
