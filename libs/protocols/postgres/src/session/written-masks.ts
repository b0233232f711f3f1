import { containsPlaceholder, placeholderBytesMax, Refusal, type MaskQuery, type Recognition, type SessionHost } from '@sallyport/protocol-kit'

/** Actions that keep what the client sends, or may. */
const storing: ReadonlySet<string> = new Set(['sql.insert', 'sql.update', 'sql.merge', 'sql.copy_from', 'sql.call', 'sql.do', 'sql.execute', 'sql.function'])
const known = new WeakMap<Recognition, boolean>()

export const stores = (recognition: Recognition): boolean => {
  if (recognition.provenRead) return false
  let answer = known.get(recognition)
  if (answer === undefined) {
    answer = recognition.effects.some(({ action }) => storing.has(action))
    known.set(recognition, answer)
  }
  return answer
}

const anyOutput: MaskQuery = { touches: { relations: [], columns: [], everything: true, opaque: true }, outputs: [{ name: 'any', origin: { kind: 'unknown' } }] }

/** Whether anything is masked for this session's principal: only then can it have been given a placeholder. Unknown counts as yes. */
export const masksInForce = async (host: SessionHost): Promise<boolean> => {
  try {
    const plan = await host.maskPlan(anyOutput)
    return plan.touchesMasked || !plan.passesAll
  } catch (error) {
    if (error instanceof Refusal) return true
    throw error
  }
}

export const maskWritten = (command?: string): Refusal => new Refusal('denied', 'it would store the placeholder of a masked value in place of the value', {
  remedy: 'Leave out what you were only shown masked.', ...(command === undefined ? {} : { command }),
})

/** Looks for placeholders in a stream that comes in pieces cut anywhere. */
export class WrittenMaskScan {
  private tail: Buffer = Buffer.alloc(0)

  /** Whether a placeholder ends in this piece. The piece is read until the call returns. */
  finds(piece: Buffer): boolean {
    const reach = placeholderBytesMax - 1
    const seam = this.tail.length > 0 && containsPlaceholder(Buffer.concat([this.tail, piece.subarray(0, reach)]))
    if (seam || containsPlaceholder(piece)) return true
    this.tail = piece.length >= reach ? Buffer.from(piece.subarray(-reach)) : Buffer.concat([this.tail, piece]).subarray(-reach)
    return false
  }
}
