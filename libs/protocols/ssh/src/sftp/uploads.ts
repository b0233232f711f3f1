import type { SessionHost } from '@sallyport/protocol-kit'
import type { Exchange } from './exchange.js'
import { transferLimits } from './limits.js'
import type { OpenFile } from './open-file.js'
import { statuses } from './packets.js'
import type { Request } from './requests.js'

type Write = Extract<Request, { readonly kind: 'write' }>

/** What is written to files: gathered into pieces, each recorded by its digest before it is forwarded, and bounded ahead of its acknowledged records. */
export class Uploads {
  private file: OpenFile | undefined
  private writes: { readonly request: Write; readonly packet: Buffer }[] = []
  private bytes = 0
  private ahead = 0

  constructor(private readonly host: SessionHost, private readonly exchange: Exchange) {}

  isPending(id: number): boolean {
    return this.writes.some(({ request }) => request.id === id)
  }

  get gathered(): boolean {
    return this.writes.length > 0
  }

  async add(file: OpenFile, request: Write, packet: Buffer): Promise<void> {
    if (this.file !== file || this.bytes + request.data.length > transferLimits.pieceBytesMax) await this.flush()
    this.file = file
    this.writes.push({ request, packet })
    this.bytes += request.data.length
    if (this.bytes >= transferLimits.pieceBytesMax / 2) await this.flush()
  }

  /** Records and forwards what was gathered. Rejects with a Refusal when it can't be recorded. */
  async flush(): Promise<void> {
    const { file, writes, bytes } = this
    if (file === undefined || writes.length === 0) return
    this.file = undefined
    this.writes = []
    this.bytes = 0
    const sequence = file.recordInput(writes.length === 1 ? writes[0]!.request.data : Buffer.concat(writes.map(({ request }) => request.data), bytes))
    this.ahead += bytes
    for (const { request: { id, data, offset }, packet } of writes) {
      file.written.add(data, offset)
      const wait = this.exchange.forward(id, packet, {
        answered: ({ status }) => {
          if (status !== statuses.ok) file.failed('the target did not write all of it')
          return undefined
        },
      })
      if (wait !== undefined) await wait
    }
    if (this.ahead <= transferLimits.aheadBytesMax) return
    await this.host.whenAcknowledged(sequence)
    this.ahead = 0
  }
}
