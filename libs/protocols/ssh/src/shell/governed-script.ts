import { PassThrough } from 'node:stream'
import { say, type ChannelRequest } from '../channels/request.js'
import { refusalLine } from '../errors.js'
import { limits } from '../limits.js'
import { lineOf, type Builtin } from '../recognition/index.js'
import type { Conversation } from '../session/conversation.js'
import { recogniseLine, runLine } from './line-command.js'
import type { ShellState } from './shell-state.js'

/** How a shell has ended. */
export interface ShellEnd {
  readonly status: number
  /** Written by the gateway itself. */
  readonly bytesOut: number
}

/** Lines that come as a script on stdin, without a terminal: each a command of its own. Their commands get no input. */
export const runScript = async (conversation: Conversation, request: ChannelRequest, start: ShellState): Promise<ShellEnd> => {
  let state = start
  let text = ''
  for await (const line of linesOf(request)) {
    if (request.signal.aborted) break
    text = text === '' ? line : `${text}\n${line}`
    if (Buffer.byteLength(text) > limits.shellLineBytesMax) {
      say(request, 'Sallyport: this line is too long.')
      return { status: 2, bytesOut: 0 }
    }
    const read = lineOf(text)
    if (read.state === 'incomplete') continue
    const whole = text
    text = ''
    if (read.state === 'complete' && read.empty) continue
    const exit = exitOf(read.state === 'complete' ? read.builtins : undefined)
    if (exit !== undefined) return { status: exit.status ?? state.status, bytesOut: 0 }
    state = await runScriptLine(conversation, request, state, whole, read.state === 'invalid' || read.changesShell)
  }
  if (text !== '' && !request.signal.aborted) state = await runScriptLine(conversation, request, state, text, false)
  return { status: state.status, bytesOut: 0 }
}

/** The one builtin that is the shell's own end. */
export const exitOf = (builtins: readonly Builtin[] | undefined): Extract<Builtin, { readonly kind: 'exit' }> | undefined =>
  builtins?.length === 1 && builtins[0]?.kind === 'exit' ? builtins[0] : undefined

const runScriptLine = async (conversation: Conversation, request: ChannelRequest, state: ShellState, text: string, changesShell: boolean): Promise<ShellState> => {
  const recognition = await recogniseLine(conversation, state, false, text)
  const { ran, state: next, tooMuch } = await runLine(conversation, {
    text, recognition, changesShell, state, asker: request, input: 'none', begins: (report) => ({ input: new PassThrough().end(), ...(report === undefined ? {} : { filter: report }) }),
  })
  if (ran.kind === 'refused') say(request, refusalLine(ran.refusal))
  if (tooMuch) say(request, 'Sallyport: this line left more variables than are kept; they are as before.')
  return next
}

/** Lines as they come, without their ends; the last may have none. */
const linesOf = async function* ({ channel, signal }: ChannelRequest): AsyncIterable<string> {
  const input = channel.pipe(new PassThrough())
  signal.addEventListener('abort', () => input.destroy(), { once: true })
  const decoder = new TextDecoder('utf-8')
  let rest = ''
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      rest += decoder.decode(chunk, { stream: true })
      const lines = rest.split('\n')
      rest = lines.pop()!
      yield* lines
      if (rest.length > limits.shellLineBytesMax) break
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown
  }
  if (rest !== '') yield rest
}
