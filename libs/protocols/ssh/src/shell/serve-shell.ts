import { Refusal } from '@sallyport/protocol-kit'
import { concludeRequest, runJudged } from '../channels/exec.js'
import type { Serve } from '../channels/request.js'
import { serveGoverned } from './governed.js'
import { shellOperation, type ShellRequest } from './operations.js'

/** A shell without a command to run (RFC 4254, section 6.5): refused, the target's own and recorded, or the gateway's own, as the connection has it. */
export const serveShell: Serve = async (conversation, request) => {
  const asked = {
    username: conversation.username, terminal: request.terminal !== undefined, environment: Object.entries(request.environment).map(([name, value]) => `${name}=${value}`),
  } satisfies Partial<ShellRequest>
  switch (conversation.options.shell) {
    case 'forbidden': {
      const refusal = new Refusal('denied', 'this connection has no interactive shells', { remedy: 'Give the command to run: ssh … <command>.' })
      return concludeRequest(request, await runJudged(conversation, request, { operation: shellOperation({ ...asked, action: 'ssh.shell', refusal }), begin: () => undefined }))
    }
    case 'recorded':
      return concludeRequest(request, await runJudged(conversation, request, {
        operation: shellOperation({ ...asked, action: 'ssh.shell' }),
        begin: (upstream, { pty, env }, done) => upstream.shell((pty ?? false) as never, { env } as never, done),
      }))
    case 'governed':
      return serveGoverned(conversation, request, shellOperation({ ...asked, action: 'ssh.shell.governed' }))
    default:
      return conversation.options.shell satisfies never
  }
}
