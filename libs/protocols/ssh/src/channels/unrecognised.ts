import { Refusal } from '@sallyport/protocol-kit'
import { limits } from '../limits.js'
import type { Conversation } from '../session/conversation.js'
import { watch } from '../transport/raw.js'
import { judgeUnsupported } from './unsupported.js'

const CHANNELS: ReadonlySet<string> = new Set(['session', 'direct-tcpip', 'direct-streamlocal@openssh.com'])
/** Served, or without any effect: questions whether the peer is there, and about keys that it has seen. */
const GLOBAL: ReadonlySet<string> = new Set([
  'tcpip-forward', 'cancel-tcpip-forward', 'streamlocal-forward@openssh.com', 'cancel-streamlocal-forward@openssh.com', 'no-more-sessions@openssh.com', 'keepalive@openssh.com', 'hostkeys-prove-00@openssh.com',
])
const REQUESTS: ReadonlySet<string> = new Set([
  'env', 'pty-req', 'window-change', 'x11-req', 'signal', 'auth-agent-req@openssh.com', 'shell', 'exec', 'subsystem', 'eow@openssh.com', 'keepalive@openssh.com', 'winadj@putty.projects.tartarus.org', 'simple@putty.projects.tartarus.org',
])
const NAME = /^[\w.@-]{1,64}$/

/** Records what is asked for and not understood; the library answers that it is not. */
export const recordUnrecognised = (conversation: Conversation): void => {
  const { client } = conversation
  let strange = 0
  const record = (what: string, name: string): boolean => {
    strange += 1
    if (strange > limits.strangeMax) {
      conversation.fail(new Refusal('limit', 'too much was asked for that is not understood'))
      return false
    }
    const request = NAME.test(name) ? name : 'unreadable'
    judgeUnsupported(conversation, 'ssh.request', 'unrecognised', `${what} ${request}`, undefined, { request })
    return true
  }
  watch(client, 'CHANNEL_OPEN', ({ type }: { readonly type: string }) => CHANNELS.has(type) || record('channel', type))
  watch(client, 'GLOBAL_REQUEST', (name: string) => GLOBAL.has(name) || record('global request', name))
  watch(client, 'CHANNEL_REQUEST', (_channel: number, type: string) => REQUESTS.has(type) || record('channel request', type))
}
