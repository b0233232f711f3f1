import type { MaskPlan, SessionHost, Touches } from '@sallyport/protocol-kit'
import { decodeFields } from '../codec/decode.js'
import { message } from '../codec/encode.js'
import { backend } from '../codec/types.js'
import type { TextCodec } from '../encodings.js'

/** What an operation that isn't known to touch anything touches: for texts that belong to no command. */
export const touchesNothing: Touches = { relations: [], columns: [], everything: false, opaque: false }

/** For texts that could hold anything. */
export const touchesAnything: Touches = { relations: [], columns: [], everything: true, opaque: true }

/** Fields of ErrorResponse and NoticeResponse that can quote data: message, detail, hint, context, internal query. */
const freeFields: ReadonlySet<string> = new Set(['M', 'D', 'H', 'W', 'q'])
const hidden = 'Sallyport: this text is hidden, because it comes from a function, and the command touches masked data'
/** Names of objects: true ones from the server, anything in what a function raises. */
const nameFields: ReadonlySet<string> = new Set(['s', 't', 'c', 'd', 'n'])
const withheld = 'Sallyport: this text is withheld, because masking is unavailable'

/** The plan for texts of an operation; undefined when it can't be had, and the texts must be withheld. */
export const textPlan = (host: SessionHost, touches: Touches): MaskPlan | undefined | Promise<MaskPlan | undefined> => {
  try {
    const plan = host.maskPlan({ touches, outputs: [] })
    return plan instanceof Promise ? plan.catch(() => undefined) : plan
  } catch {
    return undefined
  }
}

export interface Report {
  /** To be sent: the frame's own bytes when nothing changed. */
  readonly bytes: Buffer
  readonly severity: string
  readonly code: string
  readonly message: string
}

/** ErrorResponse or NoticeResponse with its texts masked; `ofDetail`: where the detail may hold more than the command touches. @throws MalformedFrame */
export const maskReport = (buffer: Buffer, start: number, end: number, plan: MaskPlan | undefined, codec: TextCodec | undefined, ofDetail = plan): Report => {
  const fields = decodeFields(buffer, start, end)
  const decode = codec?.decode ?? ((bytes: Uint8Array) => Buffer.from(bytes).toString('latin1'))
  const encode = (text: string): Buffer => codec?.encode(text) ?? Buffer.from(text.replace(/[^\x20-\x7e\n\t]/g, '?'), 'latin1')
  const pieces: (Uint8Array | string)[] = []
  let changed = false
  let severity = ''
  let code = ''
  let text = ''
  const raised = plan?.touchesMasked === true && isRaised(fields)
  for (const [letterCode, raw] of fields) {
    const letter = String.fromCharCode(letterCode)
    if (raised && nameFields.has(letter)) {
      changed = true
      continue
    }
    let value: Uint8Array = raw
    if (letter === 'C') code = raw.toString('latin1')
    if (letter === 'V' || (letter === 'S' && severity === '')) severity = raw.toString('latin1')
    if (freeFields.has(letter)) {
      const original = decode(raw)
      const ofField = letter === 'D' ? ofDetail : plan
      const masked = ofField === undefined ? withheld : raised ? hidden : ofField.freeText(original)
      if (masked !== original) {
        changed = true
        value = encode(masked.replaceAll('\0', ''))
      }
      if (letter === 'M') text = masked
    }
    pieces.push(Buffer.from([letterCode]), value, nul)
  }
  return { bytes: changed ? message(buffer[start] ?? backend.error, ...pieces, nul) : buffer.subarray(start, end), severity, code, message: text }
}

/** Whether the text was written by a function of the database's own, and so may be a bare value: PL/pgSQL's RAISE, or anything with a call stack. */
const isRaised = (fields: readonly (readonly [number, Buffer])[]): boolean => fields.some(([letterCode, raw]) => {
  switch (String.fromCharCode(letterCode)) {
    case 'W': return true
    case 'C': return raw.equals(raiseException)
    case 'R': return raw.equals(raiseRoutine)
    default: return false
  }
})

const raiseException = Buffer.from('P0001')
const raiseRoutine = Buffer.from('exec_stmt_raise')

/** The same report with another message. @throws MalformedFrame */
export const replaceMessage = (buffer: Buffer, start: number, end: number, text: string): Buffer =>
  message(buffer[start] ?? backend.error, ...decodeFields(buffer, start, end).flatMap(([code, raw]) => [Buffer.from([code]), code === messageCode ? Buffer.from(text) : raw, nul]), nul)

const messageCode = 'M'.charCodeAt(0)
const nul = Buffer.from([0])
