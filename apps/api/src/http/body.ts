import type { IncomingMessage } from 'node:http'
import { Problem } from './problem.js'

/** Of any request but those whose route says otherwise. */
export const BODY_BYTES_MAX = 1024 * 1024
const BODY_TIMEOUT_MS = 30_000

/** The JSON body of a request, never more than `bytesMax` of it in memory; `value` is undefined when there is none. Throws Problem. */
export const readJson = async (request: IncomingMessage, bytesMax: number): Promise<{ readonly bytes: Buffer; readonly value: unknown }> => {
  const bytes = await readBytes(request, bytesMax)
  if (bytes.length === 0) return { bytes, value: undefined }
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (type !== 'application/json') throw new Problem('unsupported-media-type', 'bodies are application/json')
  if (request.headers['content-encoding'] !== undefined) throw new Problem('unsupported-media-type', 'bodies are not compressed')
  try {
    return { bytes, value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown }
  } catch (cause) {
    throw new Problem('malformed', 'the body is not JSON in UTF-8', undefined, {}, { cause })
  }
}

const readBytes = async (request: IncomingMessage, bytesMax: number): Promise<Buffer> => {
  const tooLarge = (): Problem => new Problem('too-large', `at most ${bytesMax} bytes are read here`, undefined, { connection: 'close' })
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge()
  const parts: Buffer[] = []
  let length = 0
  const timer = setTimeout(() => request.destroy(new Error('the body took too long')), BODY_TIMEOUT_MS)
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      length += part.length
      if (length > bytesMax) throw tooLarge()
      parts.push(part)
    }
  } catch (cause) {
    throw cause instanceof Problem ? cause : new Problem('malformed', 'the body broke off', undefined, {}, { cause })
  } finally {
    clearTimeout(timer)
  }
  return Buffer.concat(parts)
}
