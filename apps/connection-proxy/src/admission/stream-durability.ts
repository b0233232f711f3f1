import type { Bus } from '@sallyport/messaging'
import { Refusal } from '@sallyport/protocol-kit'
import type { Logger } from 'pino'
import { z } from 'zod'

export interface StreamDurabilityOptions {
  readonly bus: Pick<Bus, 'serverId'>
  readonly logger: Logger
  /** `SALLYPORT_NATS_MONITOR_URL`. */
  readonly monitorUrls: string | undefined
  readonly unchecked: boolean
}

const ASK_MS = 2_000
/** So long an answer counts; another server is asked about at once. */
const ANSWER_AGE_MAX_MS = 30_000

/** What counts of `/jsz`: nats-server reports `sync_always` from 2.10 on, when `sync_interval: always` is set. */
const jszSchema = z.object({ server_id: z.string(), config: z.object({ sync_always: z.boolean().optional() }).optional() })

/** Lets sessions of durability `stream` be opened only while every server's monitoring says that it syncs to disk before it acknowledges. */
export class StreamDurability {
  private known: { readonly server: string | undefined; readonly fault: string | undefined; readonly at: number } | undefined
  private asking: Promise<string | undefined> | undefined

  constructor(private readonly options: StreamDurabilityOptions) {}

  /** Rejects with a Refusal when the server doesn't, or can't be asked. */
  async check(): Promise<void> {
    const { bus, logger, unchecked } = this.options
    if (unchecked) return
    const { known } = this
    const fresh = known !== undefined && known.server === bus.serverId && performance.now() - known.at < ANSWER_AGE_MAX_MS
    const fault = fresh ? known.fault : await (this.asking ??= this.ask().finally(() => { this.asking = undefined }))
    if (fault === undefined) return
    if (!fresh) logger.error({ fault }, 'a connection of durability "stream" is refused')
    throw new Refusal('unavailable', `the connection records at durability "stream", and ${fault}`, {
      remedy: 'An administrator makes nats-server sync before it acknowledges (docs/guides/operating.md), or gives the connection durability "stored".',
    })
  }

  private async ask(): Promise<string | undefined> {
    const server = this.options.bus.serverId
    const fault = await this.fault(server)
    // What could not be learned is asked again the next time.
    this.known = fault === undefined || fault === UNSYNCED ? { server, fault, at: performance.now() } : undefined
    return fault
  }

  private async fault(connectedTo: string | undefined): Promise<string | undefined> {
    const urls = this.options.monitorUrls?.split(',').map((url) => url.trim()).filter((url) => url !== '') ?? []
    if (urls.length === 0) return 'SALLYPORT_NATS_MONITOR_URL does not say where to ask nats-server whether it syncs before it acknowledges'
    try {
      const answers = await Promise.all(urls.map(async (url) => jszSchema.parse(await (await fetch(new URL('/jsz', url), { signal: AbortSignal.timeout(ASK_MS) })).json())))
      if (!answers.every(({ config }) => config?.sync_always === true)) return UNSYNCED
      return answers.some(({ server_id: id }) => id === connectedTo) ? undefined : 'SALLYPORT_NATS_MONITOR_URL names other servers than the one that takes the events'
    } catch (error) {
      this.options.logger.warn({ error: String(error) }, 'the monitoring of nats-server could not be asked')
      return 'nats-server could not be asked whether it syncs before it acknowledges'
    }
  }
}

const UNSYNCED = 'nats-server does not report "sync_interval: always": what it acknowledges could be lost'
