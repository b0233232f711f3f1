import type { ClientChannel } from 'ssh2'
import type { ChannelRequest } from '../channels/request.js'
import type { Conversation } from '../session/conversation.js'
import { DIRECTORY_BYTES_MAX } from './shell-state.js'

const ANSWER_BYTES_MAX = 4 * DIRECTORY_BYTES_MAX
const ANSWER_MS = 10_000
const QUESTION = 'pwd -P; printf \'%s\\n\' "$HOME"'

export interface Start {
  readonly directory: string
  readonly home: string
}

/** Where a command on the target begins: the gateway's own question, without a terminal. Undefined when it doesn't say. */
export const askTarget = ({ upstream }: Conversation, { environment, signal }: Pick<ChannelRequest, 'environment' | 'signal'>): Promise<Start | undefined> => new Promise((resolve) => {
  let target: ClientChannel | undefined
  const answer = (text: string): void => {
    clearTimeout(timer)
    signal.removeEventListener('abort', giveUp)
    target?.close()
    const [directory = '', home = ''] = text.split('\n')
    resolve(directory.startsWith('/') && !text.includes('\ufffd') ? { directory, home } : undefined)
  }
  const giveUp = (): void => answer('')
  const timer = setTimeout(giveUp, ANSWER_MS)
  signal.addEventListener('abort', giveUp, { once: true })
  upstream.exec(QUESTION, { env: environment }, (error, channel) => {
    if (error !== undefined) return answer('')
    target = channel
    const pieces: Buffer[] = []
    let bytes = 0
    channel.on('error', () => undefined)
    channel.stderr.resume()
    channel.on('data', (piece: Buffer) => {
      bytes += piece.length
      if (bytes > ANSWER_BYTES_MAX) return answer('')
      pieces.push(piece)
    })
    channel.once('close', () => answer(Buffer.concat(pieces).toString('utf8')))
    channel.end()
  })
})
