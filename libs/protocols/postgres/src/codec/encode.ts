import { backend, frontend, startup } from './types.js'

const nul = Buffer.from([0])

/** A typed message from the pieces of its body; strings become NUL-terminated UTF-8. */
export const message = (type: number, ...pieces: readonly (string | Uint8Array)[]): Buffer => {
  const parts: Uint8Array[] = [Buffer.allocUnsafe(5)]
  let length = 4
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      const bytes = Buffer.from(piece, 'utf8')
      parts.push(bytes, nul)
      length += bytes.length + 1
    } else {
      parts.push(piece)
      length += piece.length
    }
  }
  const head = parts[0] as Buffer
  head[0] = type
  head.writeInt32BE(length, 1)
  return Buffer.concat(parts, length + 1)
}

export const int32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value | 0, 0)
  return bytes
}

export const int16 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value, 0)
  return bytes
}

const byte = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Fields of ErrorResponse and NoticeResponse by their one-letter codes, in the order to send. */
export type Fields = readonly (readonly [code: string, text: string])[]

const fieldsMessage = (type: number, fields: Fields): Buffer => {
  const pieces: (string | Uint8Array)[] = []
  for (const [code, text] of fields) pieces.push(byte(code), text.replaceAll('\0', ''))
  return message(type, ...pieces, nul)
}

export const errorResponse = (fields: Fields): Buffer => fieldsMessage(backend.error, fields)
export const noticeResponse = (fields: Fields): Buffer => fieldsMessage(backend.notice, fields)

export const authenticationOk = message(backend.authentication, int32(0))
export const authenticationCleartext = message(backend.authentication, int32(3))
export const authenticationSasl = (mechanisms: readonly string[]): Buffer => message(backend.authentication, int32(10), ...mechanisms, nul)
export const authenticationSaslContinue = (data: Uint8Array): Buffer => message(backend.authentication, int32(11), data)
export const parameterStatus = (name: string, value: string): Buffer => message(backend.parameterStatus, name, value)
export const backendKeyData = (key: Uint8Array): Buffer => message(backend.backendKeyData, key)
export const readyForQuery = (status: number): Buffer => message(backend.readyForQuery, Buffer.from([status]))
export const negotiateProtocolVersion = (version: number, unknownOptions: readonly string[]): Buffer =>
  message(backend.negotiateProtocolVersion, int32(version), int32(unknownOptions.length), ...unknownOptions)

export const query = (text: string): Buffer => message(frontend.query, text)
export const parse = (name: string | Uint8Array, text: string): Buffer =>
  message(frontend.parse, ...(typeof name === 'string' ? [name] : [name, nul]), text, int16(0))
export const execute = (portal: string): Buffer => message(frontend.execute, portal, int32(0))
export const describePortal = (name: Uint8Array): Buffer => message(frontend.describe, byte('P'), name, nul)
export const describeStatement = (name: string): Buffer => message(frontend.describe, byte('S'), name)
export const flush = message(frontend.flush)
export const terminateMessage = message(frontend.terminate)
export const copyFail = (reason: string): Buffer => message(frontend.copyFail, reason)
export const password = (secret: string): Buffer => message(frontend.password, secret)
export const saslInitialResponse = (mechanism: string, data: Uint8Array): Buffer => message(frontend.password, mechanism, int32(data.length), data)
export const saslResponse = (data: Uint8Array): Buffer => message(frontend.password, data)

/** An untyped packet: length and body. */
const packet = (...pieces: readonly Uint8Array[]): Buffer => {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 4)
  return Buffer.concat([int32(length), ...pieces], length)
}

export const sslRequest = packet(int32(startup.ssl))
export const cancelRequest = (key: Uint8Array): Buffer => packet(int32(startup.cancel), key)
export const startupMessage = (parameters: Iterable<readonly [string, string]>): Buffer => {
  const pieces: Uint8Array[] = [int32(startup.version30)]
  for (const [name, value] of parameters) pieces.push(Buffer.from(`${name}\0${value}\0`, 'utf8'))
  return packet(...pieces, nul)
}
