import { inflateRawSync } from 'node:zlib'
import { listEvents, type SessionView } from '@sallyport/contracts/audit'
import { decodeFrames, type RecordedFrame } from '@sallyport/contracts/recording'
import { commandRecordingSchema, sessionEventTypes } from '@sallyport/contracts/session'
import type { Bus } from '@sallyport/messaging'
import type { z } from 'zod'
import { Problem } from '../http/problem.js'

/** A chunk of a recording as it may be at most, inflated: what claims more was not written by a proxy. */
const CHUNK_BYTES_MAX = 1024 * 1024
const PAGE = 12
const OUTPUT_BYTES_SHOWN = 64 * 1024

export interface RecordingOf {
  readonly session: string
  /** Undefined: of all commands. */
  readonly command?: string
  readonly uid?: string
}

interface Chunk {
  readonly command: string
  readonly index: number
  readonly frames: Uint8Array
}

const chunks = async function* (bus: Bus, { session, command, uid }: RecordingOf, signal: AbortSignal): AsyncIterable<Chunk> {
  let cursor: string | undefined
  do {
    const page: z.infer<typeof listEvents.response> = await bus.call(listEvents, {
      session, type: sessionEventTypes.recording, order: 'oldest', limit: PAGE,
      ...(command === undefined ? {} : { subject: command }), ...(uid === undefined ? {} : { uid }), ...(cursor === undefined ? {} : { cursor }),
    }, { signal })
    for (const { event } of page.items) {
      // Null: its payload was erased.
      if (event === null) continue
      const { frames, ...chunk } = commandRecordingSchema.parse(event['data'])
      yield { ...chunk, frames: inflateRawSync(Buffer.from(frames, 'base64'), { maxOutputLength: CHUNK_BYTES_MAX }) }
    }
    cursor = page.next ?? undefined
  } while (cursor !== undefined && !signal.aborted)
}

/** What one command streamed, in order, as delivered. */
export const recordedFrames = async function* (bus: Bus, of: RecordingOf & { readonly command: string }, signal: AbortSignal): AsyncIterable<RecordedFrame> {
  let sinceMs = 0
  for await (const chunk of chunks(bus, of, signal)) {
    for (const frame of decodeFrames(chunk.frames, sinceMs)) {
      sinceMs = frame.atMs
      yield frame
    }
  }
}

/** Beginning of what a command wrote, as text. */
export interface RecordedOutput {
  readonly text: string
  readonly truncated: boolean
  /** It was a terminal: to be played rather than read. */
  readonly terminal: boolean
}

/** Undefined when nothing of it was recorded. */
export const recordedOutput = async (bus: Bus, of: RecordingOf & { readonly command: string }, signal: AbortSignal): Promise<RecordedOutput | undefined> => {
  const parts: Uint8Array[] = []
  let bytes = 0
  let terminal = false
  for await (const frame of recordedFrames(bus, of, signal)) {
    if (frame.kind === 'resize') terminal = true
    if (frame.kind !== 'output' && frame.kind !== 'error') continue
    if (bytes + frame.bytes.length > OUTPUT_BYTES_SHOWN) {
      parts.push(frame.bytes.subarray(0, OUTPUT_BYTES_SHOWN - bytes))
      return { text: Buffer.concat(parts).toString('utf8'), truncated: true, terminal }
    }
    parts.push(frame.bytes)
    bytes += frame.bytes.length
  }
  return parts.length === 0 ? undefined : { text: Buffer.concat(parts).toString('utf8'), truncated: false, terminal }
}

/** The command whose recording is played when none is named: the first terminal, else the first that streamed anything. Throws Problem when there is none. */
export const playedCommand = async (bus: Bus, of: RecordingOf, signal: AbortSignal): Promise<string> => {
  let first: string | undefined
  for await (const { command, index, frames } of chunks(bus, of, signal)) {
    first ??= command
    if (index === 0 && decodeFrames(frames, 0)[0]?.kind === 'resize') return command
  }
  if (first === undefined) throw new Problem('not-found', 'Nothing of this session was recorded as a stream. Read it with format=text.')
  return first
}

const SIZE = /^(\d{1,5})x(\d{1,5})$/
const codes = { output: 'o', error: 'o', input: 'i', resize: 'r' } as const
const sizeOf = (frame: RecordedFrame | undefined): { width: number; height: number } => {
  const [, width, height] = (frame?.kind === 'resize' ? SIZE.exec(Buffer.from(frame.bytes).toString('latin1')) : null) ?? []
  return { width: Number(width ?? 80), height: Number(height ?? 24) }
}

/** One command's recording as asciicast v2 (docs.asciinema.org/manual/asciicast/v2), line by line. */
export const asciicast = async function* (session: SessionView, frames: AsyncIterable<RecordedFrame>): AsyncIterable<string> {
  // A sign may be split between frames of its kind.
  const decoders = { o: new TextDecoder(), i: new TextDecoder(), r: new TextDecoder() }
  let begun = false
  for await (const frame of frames) {
    if (!begun) {
      yield `${JSON.stringify({ version: 2, ...sizeOf(frame), timestamp: Math.floor(Date.parse(session.openedAt) / 1000), title: `${session.connection} by ${session.uid}` })}\n`
      begun = true
      if (frame.kind === 'resize') continue
    }
    const code = codes[frame.kind]
    const text = decoders[code].decode(frame.bytes, { stream: true })
    if (text !== '') yield `${JSON.stringify([frame.atMs / 1000, code, text])}\n`
  }
}
