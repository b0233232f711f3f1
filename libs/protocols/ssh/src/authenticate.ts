import type { AuthContext, Connection, KeyboardAuthContext, PublicKeyAuthContext } from 'ssh2'
import ssh2 from 'ssh2'
import { Refusal, type Admission, type Claim, type SessionHost } from '@sallyport/protocol-kit'
import { asRefusal, refusalLine } from './errors.js'
import { limits } from './limits.js'
import { banner } from './transport/raw.js'

const METHODS = ['publickey', 'keyboard-interactive', 'password'] as const
const PROMPT = { prompt: 'Access token or session credential: ', echo: false }

/** A log-in that is not let in: nothing more is to be tried on this connection. */
const tooMany = (): Refusal => new Refusal('limit', 'too many log-ins were refused on this connection', { remedy: 'Get a fresh token or session credential, then connect again.' })

/**
 * The log-in of one client (RFC 4252, 4256). A secret, or a key with its signature over this very session, is put to the host; a key that is
 * merely offered proves nothing and asks nobody. One attempt at a time: a client that begins another while one is being decided is cut off.
 */
export class Authentication {
  private refused = 0
  private offers = 0
  private deciding = false
  private over = false

  /**
   * `enter` logs in to the target and opens the session; it and nothing else lets the client in. `cutOff` ends everything.
   */
  constructor(
    private readonly host: SessionHost,
    private readonly client: Connection,
    private readonly software: string,
    private readonly enter: (admission: Admission, user: string) => Promise<void>,
    private readonly cutOff: (refusal: Refusal) => void,
  ) {
    client.on('authentication', (context) => this.attempt(context))
  }

  private attempt(context: AuthContext): void {
    if (this.over) return
    if (this.deciding) return this.end(new Refusal('malformed', 'a log-in was begun while another was being decided'))
    if (Buffer.byteLength(context.username) > limits.userBytesMax) return this.end(new Refusal('limit', 'the user name is too long'))
    switch (context.method) {
      case 'password':
        return this.decide(context, 'password', context.password)
      case 'keyboard-interactive':
        return this.ask(context)
      case 'publickey':
        return this.key(context)
      case 'none':
      case 'hostbased':
        // Not counted: clients ask with "none" which methods there are.
        this.offers += 1
        if (this.offers > limits.offersMax) return this.end(tooMany())
        return context.reject([...METHODS])
    }
  }

  private ask(context: KeyboardAuthContext): void {
    context.prompt([PROMPT], '', '', ((answers: readonly string[] | Error | undefined) => {
      if (this.over || !Array.isArray(answers)) return
      if (this.deciding) return this.end(new Refusal('malformed', 'a log-in was begun while another was being decided'))
      this.decide(context, 'keyboard-interactive', answers.length === 1 ? answers[0] : undefined)
    }) as never)
  }

  private key(context: PublicKeyAuthContext): void {
    const { signature, blob, key } = context
    const { hashAlgo } = context as { readonly hashAlgo?: string }
    if (!isSupported(key.algo, hashAlgo)) return this.refuse(context)
    if (signature === undefined || blob === undefined) {
      this.offers += 1
      if (this.offers > limits.offersMax) return this.end(tooMany())
      // Whether anybody has registered it, a mere offer doesn't find out.
      return context.accept()
    }
    const parsed = ssh2.utils.parseKey(`${key.algo} ${key.data.toString('base64')}`)
    if (parsed instanceof Error || parsed.type !== key.algo || !parsed.getPublicSSH().equals(key.data) || parsed.verify(blob, signature, hashAlgo) !== true) return this.refuse(context)
    this.decide(context, 'publickey', key.data.toString('base64'))
  }

  private decide(context: AuthContext, method: Claim['method'], secret: unknown): void {
    if (typeof secret !== 'string' || secret === '' || Buffer.byteLength(secret) > limits.secretBytesMax) return this.refuse(context)
    this.deciding = true
    this.admit(context, { connection: context.username, secret, method, client: { software: this.software } }).catch((thrown: unknown) => this.end(asRefusal(thrown)))
  }

  private async admit(context: AuthContext, claim: Claim): Promise<void> {
    let admission: Admission
    try {
      admission = await this.host.admit(claim)
    } catch (thrown) {
      this.deciding = false
      return this.refuse(context, asRefusal(thrown))
    }
    if (this.over) return
    await this.enter(admission, claim.connection)
    if (this.over) return
    this.over = true
    context.accept()
  }

  private refuse(context: AuthContext, why?: Refusal): void {
    if (this.over) return
    this.refused += 1
    if (this.refused > limits.attemptsMax) return this.end(tooMany())
    if (why !== undefined) banner(this.client, refusalLine(why))
    context.reject([...METHODS])
  }

  private end(refusal: Refusal): void {
    if (this.over) return
    this.over = true
    this.cutOff(refusal)
  }

  /** The session is over: nobody is let in any more. */
  close(): void {
    this.over = true
  }
}

/** Kinds of keys whose signatures the library checks; RSA with SHA-2 only. */
const isSupported = (algorithm: string, hash: string | undefined): boolean => {
  if (algorithm === 'ssh-rsa') return hash === 'sha256' || hash === 'sha512'
  return algorithm === 'ssh-ed25519' || algorithm.startsWith('ecdsa-sha2-nistp')
}
