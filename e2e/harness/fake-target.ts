import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import net, { type AddressInfo, type Socket } from 'node:net'
import { frame } from './raw-postgres.js'

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value | 0)
  return bytes
}

export const authentication = (kind: number, body: Buffer | string = ''): Buffer => frame('R', Buffer.concat([int32(kind), typeof body === 'string' ? Buffer.from(body) : body]))
export const parameter = (name: string, value: string): Buffer => frame('S', `${name}\0${value}\0`)
export const ready = frame('Z', 'I')
/** What a server says when it lets a client in. */
export const welcome = Buffer.concat([
  authentication(0), parameter('server_version', '18.4'), parameter('client_encoding', 'UTF8'), parameter('standard_conforming_strings', 'on'), frame('K', Buffer.concat([int32(77), int32(99)])), ready,
])

/** RowDescription of text columns of no table. `count` lies when it is given. */
export const rowDescription = (names: readonly string[], count = names.length): Buffer =>
  frame('T', Buffer.concat([int16(count), ...names.map((name) => Buffer.concat([Buffer.from(`${name}\0`), int32(0), int16(0), int32(25), int16(0xffff), int32(-1), int16(0)]))]))

/** DataRow. `count` lies when it is given. */
export const dataRow = (values: readonly string[], count = values.length): Buffer =>
  frame('D', Buffer.concat([int16(count), ...values.map((value) => Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]))]))

export const complete = (tag: string): Buffer => frame('C', `${tag}\0`)
export const report = (type: 'E' | 'N', fields: Readonly<Record<string, string>>): Buffer =>
  frame(type, Buffer.from(`${Object.entries(fields).map(([letter, text]) => `${letter}${text}\0`).join('')}\0`))

/** The client's next typed message, or start-up packet, of a target's connection. */
export interface Peer {
  readonly socket: Socket
  startup(): Promise<void>
  message(): Promise<{ readonly type: string; readonly body: Buffer }>
  say(...pieces: readonly Buffer[]): void
}

const peerOf = (socket: Socket): Peer => {
  let data: Buffer = Buffer.alloc(0)
  let wake: () => void = () => undefined
  socket.on('data', (chunk: Buffer) => {
    data = Buffer.concat([data, chunk])
    wake()
  })
  socket.on('close', () => wake())
  const take = async (count: () => number | undefined): Promise<Buffer> => {
    for (;;) {
      const wanted = count()
      if (wanted !== undefined && data.length >= wanted) {
        const taken = data.subarray(0, wanted)
        data = data.subarray(wanted)
        return taken
      }
      if (socket.destroyed) throw new Error('the gateway is gone')
      await new Promise<void>((resolve) => { wake = resolve })
    }
  }
  return {
    socket,
    startup: async () => void await take(() => (data.length < 4 ? undefined : data.readInt32BE(0))),
    message: async () => {
      const bytes = await take(() => (data.length < 5 ? undefined : data.readInt32BE(1) + 1))
      return { type: String.fromCharCode(bytes[0]!), body: bytes.subarray(5) }
    },
    say: (...pieces) => void socket.write(Buffer.concat(pieces)),
  }
}

export type Script = (peer: Peer) => void | Promise<void>

/** A server on loopback that speaks just as much PostgreSQL as its script does, and goes on when nobody listens any more. */
export const startFakeTarget = async () => {
  let script: Script = () => undefined
  const sockets = new Set<Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    void Promise.resolve(script(peerOf(socket))).catch(() => socket.destroy())
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return {
    port: (server.address() as AddressInfo).port,
    play: (next: Script) => { script = next },
    get connections() { return sockets.size },
    stop: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** A SCRAM-SHA-256 server's part of the log-in, with what it gets wrong. */
export const scram = (password: string, wrong: { readonly iterations?: string; readonly nonce?: string; readonly signature?: boolean; readonly skipFinal?: boolean }): Script => async (peer) => {
  await peer.startup()
  peer.say(authentication(10, 'SCRAM-SHA-256\0\0'))
  const first = (await peer.message()).body.toString('latin1')
  const bare = first.slice(first.indexOf('n=*'))
  const nonce = wrong.nonce ?? `${bare.slice(bare.indexOf('r=') + 2)}${randomBytes(12).toString('base64')}`
  const salt = randomBytes(16)
  const serverFirst = `r=${nonce},s=${salt.toString('base64')},i=${wrong.iterations ?? '4096'}`
  peer.say(authentication(11, serverFirst))
  const final = (await peer.message()).body.toString('latin1')
  if (wrong.skipFinal === true) return peer.say(welcome)
  const salted = pbkdf2Sync(password, salt, 4096, 32, 'sha256')
  const key = createHmac('sha256', salted).update('Server Key').digest()
  const signature = createHmac('sha256', key).update(`${bare},${serverFirst},${final.slice(0, final.indexOf(',p='))}`).digest()
  peer.say(authentication(12, `v=${(wrong.signature === true ? createHash('sha256').update('no').digest() : signature).toString('base64')}`), welcome)
}
