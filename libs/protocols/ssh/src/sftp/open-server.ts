import { Refusal } from '@sallyport/protocol-kit'
import type { Client, ClientChannel } from 'ssh2'
import type { Conversation } from '../session/conversation.js'

type OnChannel = (error: Error | undefined, channel: ClientChannel) => void

/** How the target's SFTP server is started. */
export type StartServer = (upstream: Client, done: OnChannel) => unknown

/** What listens to the channel must do so before its next message comes: `attach` is called in the library's own callback. Rejects with a Refusal. */
export const openServer = <T>({ upstream }: Conversation, start: StartServer, attach: (channel: ClientChannel) => T): Promise<T> => new Promise((resolve, reject) => {
  start(upstream, (error, channel) => {
    if (error === undefined) resolve(attach(channel))
    else reject(new Refusal('target-failed', 'the target has no SFTP', {}, { cause: error }))
  })
})
