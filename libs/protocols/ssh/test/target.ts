import { freePort } from '@sallyport/testing'
import ssh2, { type Session } from 'ssh2'

export interface FakeTarget {
  readonly port: number
  /** `<type> <base64>`. */
  readonly hostKey: string
  close(): void
}

/** A target of the test's own, for what sshd can't be made to do. It lets in whoever knows the password `secret`. */
export const startTarget = async (serve: (session: Session) => void, { method = 'password' }: { readonly method?: 'password' | 'keyboard-interactive' } = {}): Promise<FakeTarget> => {
  const port = await freePort()
  const key = usableKey()
  const server = new ssh2.Server({ hostKeys: [key.private] }, (client) => {
    client.on('error', () => undefined)
    client.on('authentication', (context) => {
      if (context.method === 'password' && method === 'password' && context.password === 'secret') return context.accept()
      if (context.method === 'keyboard-interactive' && method === 'keyboard-interactive') {
        context.prompt([{ prompt: 'Password: ', echo: false }], (answers) => (answers[0] === 'secret' ? context.accept() : context.reject()))
        return undefined
      }
      return context.reject([method])
    })
    client.on('session', (accept) => serve(accept()))
  })
  await new Promise<void>((resolve) => { server.listen(port, '127.0.0.1', () => resolve()) })
  return { port, hostKey: key.public.split(' ').slice(0, 2).join(' '), close: () => server.close() }
}

/** The library can't read every key that it makes. */
export const usableKey = (): { readonly private: string; readonly public: string } => {
  for (;;) {
    const key = ssh2.utils.generateKeyPairSync('ed25519')
    if (!(ssh2.utils.parseKey(key.private) instanceof Error)) return key
  }
}
