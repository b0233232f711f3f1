import net, { type Socket } from 'node:net'

/** One message as it came: its type's letter and its body. */
export interface RawMessage {
  readonly type: string
  readonly body: Buffer
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value | 0)
  return bytes
}

/** A typed message; `length` lies when it is given. */
export const frame = (type: string, body: string | Buffer = '', length?: number): Buffer => {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(length ?? bytes.length + 4), bytes])
}

/** A start-up packet with any code and body; `length` lies when it is given. */
export const startupPacket = (code: number, body: string | Buffer = '', length?: number): Buffer => {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body
  return Buffer.concat([int32(length ?? bytes.length + 8), int32(code), bytes])
}

export const VERSION_30 = 196_608
export const SSL_REQUEST = startupPacket(80_877_103)
export const GSSENC_REQUEST = startupPacket(80_877_104)
export const startup = (parameters: Readonly<Record<string, string>>): Buffer =>
  startupPacket(VERSION_30, `${Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`).join('')}\0`)

/** The fields of an ErrorResponse by their letter. */
export const fieldsOf = ({ body }: RawMessage): Record<string, string> =>
  Object.fromEntries(body.toString('utf8').split('\0').filter((field) => field !== '').map((field) => [field[0]!, field.slice(1)]))

const WAIT_MS = 20_000

/** A client that says whatever it is told to, and reads what comes as messages. */
export class RawClient {
  readonly messages: RawMessage[] = []
  /** Bytes that are no messages yet. */
  rest: Buffer = Buffer.alloc(0)
  closed = false
  /** Set while the answer to an SSLRequest or GSSENCRequest is a bare letter. */
  private letters = 0
  private readonly watchers = new Set<() => void>()

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.take(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.closed = true
      this.wake()
    })
    socket.on('end', () => socket.end())
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new RawClient(socket)
  }

  /** Logs in with a password and waits until the session is ready. */
  static async open(port: number, user: string, password: string): Promise<RawClient> {
    const client = await RawClient.connect(port)
    client.send(startup({ user }))
    client.send(frame('p', `${password}\0`))
    await client.until('Z')
    client.messages.length = 0
    return client
  }

  send(...pieces: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(pieces))
  }

  expectLetters(count: number): void {
    this.letters = count
  }

  private take(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    while (this.rest.length > at && this.letters > 0) {
      this.messages.push({ type: `letter ${String.fromCharCode(this.rest[at]!)}`, body: Buffer.alloc(0) })
      this.letters -= 1
      at += 1
    }
    while (this.rest.length >= at + 5) {
      const end = at + 1 + this.rest.readInt32BE(at + 1)
      if (end > this.rest.length) break
      this.messages.push({ type: String.fromCharCode(this.rest[at]!), body: this.rest.subarray(at + 5, end) })
      at = end
    }
    this.rest = this.rest.subarray(at)
    this.wake()
  }

  private wake(): void {
    for (const watcher of this.watchers) watcher()
  }

  /** Resolves when the condition holds or the connection is closed; rejects when neither comes. */
  private when(condition: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): boolean => condition() || this.closed
      if (done()) return resolve()
      const timer = setTimeout(() => {
        this.watchers.delete(watcher)
        reject(new Error(`${what} did not come; there were ${this.messages.map((message) => message.type).join(' ').slice(-200)}`))
      }, WAIT_MS)
      const watcher = (): void => {
        if (!done()) return
        clearTimeout(timer)
        this.watchers.delete(watcher)
        resolve()
      }
      this.watchers.add(watcher)
    })
  }

  /** Waits for the `count`th message of a type; rejects when the connection ends before. */
  async until(type: string, count = 1): Promise<RawMessage> {
    const found = (): RawMessage | undefined => this.messages.filter((message) => message.type === type)[count - 1]
    await this.when(() => found() !== undefined, `message ${type}`)
    const message = found()
    if (message === undefined) throw new Error(`closed before message ${type}; there were ${this.messages.map((each) => each.type + (each.type === 'E' ? JSON.stringify(fieldsOf(each)) : '')).join(' ')}`)
    return message
  }

  ended(): Promise<void> {
    return this.when(() => this.closed, 'the end')
  }

  /** SQLSTATEs of the errors that came. */
  get codes(): string[] {
    return this.messages.filter(({ type }) => type === 'E').map((message) => fieldsOf(message)['C'] ?? '')
  }

  destroy(): void {
    this.socket.destroy()
  }
}
