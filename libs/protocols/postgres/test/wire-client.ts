import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { BodyReader, decodeFields, decodeRowDescription } from '../src/codec/decode.js'
import { int16, int32, message } from '../src/codec/encode.js'
import { FrameReader } from '../src/codec/frames.js'
import { Inbox } from '../src/codec/inbox.js'
import { frontend } from '../src/codec/types.js'
import { connectUpstream } from '../src/upstream/index.js'

export interface Received {
  readonly type: string
  readonly bytes: Buffer
}

const nul = Buffer.from([0])

/** Builds one client message from a line of a transcript: a name and JSON arguments. */
export const clientMessage = (name: string, args: readonly (string | number | null)[]): Buffer => {
  const text = (index: number): string => String(args[index] ?? '')
  switch (name) {
    case 'Query':
      return message(frontend.query, text(0))
    case 'Parse': {
      const types = args.slice(2).map(Number)
      return message(frontend.parse, text(0), text(1), int16(types.length), ...types.map(int32))
    }
    case 'Bind': {
      const values = args.slice(2)
      const parts = values.flatMap((value) => (value === null ? [int32(-1)] : [int32(Buffer.byteLength(String(value))), Buffer.from(String(value))]))
      return message(frontend.bind, text(0), text(1), int16(0), int16(values.length), ...parts, int16(0))
    }
    case 'BindBinary':
      return message(frontend.bind, text(0), text(1), int16(0), int16(0), int16(1), int16(1))
    case 'Describe':
    case 'Close':
      return message(name === 'Close' ? frontend.close : frontend.describe, Buffer.from(text(0)), text(1))
    case 'Execute':
      return message(frontend.execute, text(0), int32(Number(args[1] ?? 0)))
    case 'Sync':
      return message(frontend.sync)
    case 'Flush':
      return message(frontend.flush)
    case 'CopyData':
      return message(frontend.copyData, Buffer.from(text(0)))
    case 'CopyDone':
      return message(frontend.copyDone)
    case 'CopyFail':
      return message(frontend.copyFail, text(0))
    case 'FunctionCall': {
      const values = args.slice(1)
      return message(frontend.functionCall, int32(Number(args[0])), int16(0), int16(values.length), ...values.flatMap((value) => [int32(Buffer.byteLength(String(value))), Buffer.from(String(value))]), int16(0))
    }
    case 'Raw':
      return Buffer.from(text(0), 'hex')
    default:
      throw new Error(`unknown message ${name}`)
  }
}

/** One line for one message of the server, for transcripts. */
export const render = ({ type, bytes }: Received): string => {
  const body = new BodyReader(bytes, 5, bytes.length)
  const utf8 = (value: Uint8Array): string => Buffer.from(value).toString('utf8')
  switch (type) {
    case 'T':
      return `T ${decodeRowDescription(bytes, 0, bytes.length, utf8).map((field) => field.name).join(',')}`
    case 'D':
      return `D ${Array.from({ length: body.int16() }, () => body.value()?.toString('utf8') ?? 'NULL').join(',')}`
    case 'C':
      return `C ${utf8(body.cstring())}`
    case 'Z':
      return `Z ${String.fromCharCode(body.uint8())}`
    case 'E':
    case 'N': {
      const fields = new Map(decodeFields(bytes, 0, bytes.length).map(([code, text]) => [String.fromCharCode(code), text.toString('utf8')]))
      return `${type} ${fields.get('C')} ${fields.get('M')}`
    }
    case 'd':
      return `d ${JSON.stringify(bytes.toString('utf8', 5))}`
    case 'A':
      body.int32()
      return `A ${utf8(body.cstring())} ${utf8(body.cstring())}`
    case 'S':
      return `S ${utf8(body.cstring())}=${utf8(body.cstring())}`
    case 't':
      return `t ${Array.from({ length: body.int16() }, () => body.uint32()).join(',')}`
    case 'V':
      return `V ${body.value()?.toString('hex') ?? 'NULL'}`
    default:
      return type
  }
}

/** A bare client of the wire: what it sends is exactly what the test says. */
export class WireClient {
  private readonly reader = new FrameReader(() => 'whole')
  private readonly received: Received[] = []
  private wanted: (() => void) | undefined
  closed = false

  private constructor(readonly socket: Socket) {}

  static async open(options: { readonly host: string; readonly port: number; readonly user: string; readonly password: string | undefined; readonly database: string }, parameters: readonly (readonly [string, string])[] = []): Promise<WireClient> {
    const socket = connect(options.port, options.host)
    socket.setNoDelay(true)
    const client = new WireClient(socket)
    const inbox = new Inbox()
    let open = false
    socket.on('data', (chunk: Buffer) => {
      if (open) client.take(chunk)
      else void inbox.receive(chunk)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      client.closed = true
      client.wanted?.()
    })
    const access = { host: options.host, port: options.port, database: options.database, username: options.user, credential: options.password === undefined ? undefined : { kind: 'password' as const, secret: options.password }, tls: 'disable' as const }
    const io = { send: (bytes: Uint8Array) => void socket.write(bytes), secure: () => Promise.reject(new Error('no TLS')), redial: () => Promise.reject(new Error('no')), random: (bytes: number) => randomBytes(bytes) }
    await connectUpstream(io, inbox, access, parameters)
    open = true
    client.take(inbox.finish())
    return client
  }

  private take(chunk: Buffer): void {
    this.reader.feed(chunk)
    while (this.reader.next()) {
      const { buffer, start, end, type } = this.reader
      this.received.push({ type: String.fromCharCode(type), bytes: Buffer.from(buffer.subarray(start, end)) })
    }
    this.wanted?.()
  }

  send(...messages: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(messages))
  }

  /** The next message; undefined when the server has closed. */
  async next(): Promise<Received | undefined> {
    while (this.received.length === 0) {
      if (this.closed) return undefined
      await new Promise<void>((resolve) => { this.wanted = resolve })
    }
    return this.received.shift()
  }

  end(): void {
    this.socket.destroy()
  }
}

export { nul }
