import { copyFail } from '../codec/encode.js'
import type { FrameReader } from '../codec/frames.js'
import { frontend } from '../codec/types.js'
import { limits } from '../limits.js'
import type { Conversation } from './conversation.js'
import type { Expectation } from './expectations.js'
import { masksInForce, maskWritten, WrittenMaskScan } from './written-masks.js'

/**
 * COPY FROM STDIN: what the client sends is a stream. Every piece is recorded before it is forwarded, and at most
 * {@link limits.copyAheadBytesMax} bytes run ahead of their acknowledged records.
 */
export class CopyIn {
  /** Payload pieces of the chunk at hand that wait to be recorded together, and the range of the chunk that they lie in. */
  private readonly pieces: Buffer[] = []
  private ranges: { readonly buffer: Buffer; readonly start: number; end: number }[] = []
  private ahead: { readonly sequence: number; readonly bytes: number }[] = []
  private aheadBytes = 0
  private scanned: { readonly copy: Expectation; readonly scan: WrittenMaskScan } | undefined

  constructor(private readonly conversation: Conversation) {}

  /** CopyData, possibly a part of one. Outside of COPY the target ignores it, and so does the gateway. */
  data(reader: FrameReader): void | Promise<void> {
    const { conversation } = this
    if (conversation.copyIn === undefined) return undefined
    const { buffer, start, end, first } = reader
    const from = first ? start + 5 : start
    if (end > from) this.pieces.push(buffer.subarray(from, end))
    if (first && reader.last) {
      this.range(buffer, start, end)
    } else if (end > from) {
      // A piece of a message goes on as a message of its own, so that the target's stream is never cut when the COPY ends meanwhile.
      const head = Buffer.from([frontend.copyData, 0, 0, 0, 0])
      head.writeInt32BE(end - from + 4, 1)
      this.range(head, 0, head.length)
      this.range(buffer, from, end)
    }
    return undefined
  }

  private range(buffer: Buffer, start: number, end: number): void {
    const last = this.ranges.at(-1)
    if (last !== undefined && last.buffer === buffer && last.end === start) last.end = end
    else this.ranges.push({ buffer, start, end })
  }

  /** Records and forwards what was gathered. Must be called before the chunk is given back. */
  forward(): void | Promise<void> {
    if (this.ranges.length === 0) return undefined
    const { conversation } = this
    const ranges = this.ranges
    this.ranges = []
    const payload = this.pieces.length === 1 ? (this.pieces[0] as Buffer) : Buffer.concat(this.pieces)
    this.pieces.length = 0
    const { copyIn } = conversation
    if (copyIn?.command === undefined) return undefined
    if (!this.scanOf(copyIn).finds(payload)) return this.forwardPayload(copyIn, payload, ranges)
    conversation.toTarget.flush()
    return masksInForce(conversation.host).then((masked) => (masked ? this.refuse(copyIn) : this.forwardPayload(copyIn, payload, ranges)))
  }

  private scanOf(copy: Expectation): WrittenMaskScan {
    if (this.scanned?.copy !== copy) this.scanned = { copy, scan: new WrittenMaskScan() }
    return this.scanned.scan
  }

  /** The data holds the placeholder of a mask: the COPY fails as if the client had given it up, so that nothing of it stays. */
  private async refuse(copy: Expectation): Promise<void> {
    const { conversation } = this
    if (conversation.copyIn === copy && !conversation.copyInOpen) await conversation.whenCopyInSettled()
    if (conversation.ended || conversation.copyIn !== copy) return
    copy.refusal = maskWritten(copy.command?.ticket.command)
    const frame = copyFail('refused by the gateway')
    this.done({ type: frontend.copyFail, buffer: frame, start: 0, end: frame.length })
    conversation.toTarget.flush()
  }

  private forwardPayload({ command }: Expectation, payload: Buffer, ranges: readonly { readonly buffer: Buffer; readonly start: number; readonly end: number }[]): void | Promise<void> {
    const { conversation } = this
    if (command !== undefined && payload.length > 0) {
      const sequence = conversation.host.recordInput(command.ticket, payload)
      this.ahead.push({ sequence, bytes: payload.length })
      this.aheadBytes += payload.length
    }
    const room = this.room()
    const send = (): void => {
      if (conversation.ended || conversation.copyIn === undefined) return
      for (const { buffer, start, end } of ranges) conversation.toTarget.pass(buffer, start, end)
    }
    if (room === undefined) return send()
    conversation.toTarget.flush()
    return room.then(send)
  }

  /** Resolves when few enough bytes are ahead of their acknowledgement. */
  private room(): Promise<void> | undefined {
    const { host } = this.conversation
    let oldest = this.ahead[0]
    while (oldest !== undefined && host.acknowledged(oldest.sequence)) {
      this.ahead.shift()
      this.aheadBytes -= oldest.bytes
      oldest = this.ahead[0]
    }
    if (oldest === undefined || this.aheadBytes <= limits.copyAheadBytesMax) return undefined
    return host.whenAcknowledged(oldest.sequence).then(() => this.room())
  }

  /** CopyDone or CopyFail; after the latter no COPY of the text comes any more. */
  done(reader: Pick<FrameReader, 'type' | 'buffer' | 'start' | 'end'>): void {
    const { conversation } = this
    const { copyIn } = conversation
    if (copyIn === undefined) return
    conversation.toTarget.pass(reader.buffer, reader.start, reader.end)
    copyIn.copiesEnded = reader.type === frontend.copyFail ? copyIn.copiesIn : copyIn.copiesEnded + 1
    if (copyIn.copiesEnded >= copyIn.copiesIn) conversation.settleCopyIn(false)
    else conversation.copyInOpen = false
  }
}
