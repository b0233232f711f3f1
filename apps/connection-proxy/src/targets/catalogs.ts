import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Connection } from '@sallyport/contracts/directory'
import { Refusal, type CatalogHost, type CatalogSession, type ProtocolDescriptor } from '@sallyport/protocol-kit'
import type { Logger } from 'pino'
import { SideStream } from '../wire/side-stream.js'
import { secureAsClient } from '../wire/tls.js'
import { dialTarget, type TargetKeys } from './dial.js'

const ASK_TIMEOUT_MS = 10_000
const IDLE_MS = 60_000
/** A view replaced or a column renamed by somebody else is noticed after this long. */
const ANSWER_AGE_MAX_MS = 1_000
const ANSWERS_MAX = 10_000

interface Answer {
  readonly value: unknown
  readonly at: number
}

/** The gateway's own connection to one database of one target, opened when asked and closed when idle. */
class Catalog {
  private session: Promise<CatalogSession> | undefined
  private stream: SideStream | undefined
  private idle: NodeJS.Timeout | undefined
  private answers = new Map<string, Answer>()
  private readonly asking = new Map<string, Promise<unknown>>()

  constructor(
    private readonly descriptor: ProtocolDescriptor,
    private readonly connection: Connection,
    private readonly database: string | undefined,
    private readonly keys: TargetKeys,
    private readonly logger: Logger,
  ) {}

  ask(key: string): unknown | Promise<unknown> {
    const known = this.answers.get(key)
    if (known !== undefined && performance.now() - known.at < ANSWER_AGE_MAX_MS) return known.value
    let asking = this.asking.get(key)
    if (asking === undefined) {
      asking = this.fetch(key).finally(() => this.asking.delete(key))
      this.asking.set(key, asking)
    }
    return asking
  }

  forget(): void {
    this.answers = new Map()
  }

  close(): void {
    clearTimeout(this.idle)
    this.session?.then((session) => session.close(), () => undefined)
    this.session = undefined
    this.stream?.close(1_000)
    this.stream = undefined
  }

  private async fetch(key: string): Promise<unknown> {
    const answers = this.answers
    let timer: NodeJS.Timeout | undefined
    try {
      const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error('no answer in time')), ASK_TIMEOUT_MS) })
      const value = await Promise.race([this.open().then((session) => session.ask(key)), late])
      if (answers.size >= ANSWERS_MAX) answers.clear()
      answers.set(key, { value, at: performance.now() })
      return value
    } catch (cause) {
      this.logger.warn({ connection: this.connection.name, error: String(cause) }, 'the target\'s catalog could not be asked')
      this.close()
      throw new Refusal('unavailable', 'the target\'s catalog could not be asked what the result is made of, so it is withheld', { remedy: 'Try again in a moment.' }, { cause })
    } finally {
      clearTimeout(timer)
      this.rest()
    }
  }

  private rest(): void {
    clearTimeout(this.idle)
    this.idle = setTimeout(() => { if (this.asking.size === 0) this.close() }, IDLE_MS).unref()
  }

  private open(): Promise<CatalogSession> {
    this.session ??= this.start().catch((error: unknown) => {
      this.session = undefined
      throw error
    })
    return this.session
  }

  private async start(): Promise<CatalogSession> {
    if (this.descriptor.createCatalog === undefined) throw new Error(`${this.descriptor.name} has no catalog`)
    let failed: (error: unknown) => void = () => undefined
    const broken = new Promise<never>((_, reject) => { failed = reject })
    broken.catch(() => undefined)
    const stream = new SideStream({
      deliver: (chunk) => session.receive(chunk),
      ended: () => { session.end(); failed(new Error('the target closed the connection')); this.close() },
      left: () => { failed(new Error('the target closed the connection')); this.close() },
      failed: (error) => { failed(error); this.close() },
      congested: () => undefined,
    })
    this.stream = stream
    const session: CatalogSession = this.descriptor.createCatalog(this.hostFor(stream), this.database)
    await Promise.race([session.ready, broken])
    return session
  }

  private hostFor(stream: SideStream): CatalogHost {
    const { target } = this.connection.spec
    return {
      send: (bytes) => stream.write(bytes),
      random: (bytes) => randomBytes(bytes),
      dial: async () => {
        const { socket, access } = await dialTarget(this.connection, this.database, this.keys)
        stream.detach()?.destroy()
        stream.attach(socket)
        return access
      },
      secure: async () => {
        const raw = stream.detach() as Socket
        const secured = await secureAsClient(raw, target.host, target.tls, target.ca)
        stream.attach(secured.socket)
        return secured.facts
      },
    }
  }
}

/** One catalog for each connection revision and database, shared by all sessions of this proxy. */
export class Catalogs {
  private readonly catalogs = new Map<string, Catalog>()

  constructor(
    private readonly keys: TargetKeys,
    private readonly logger: Logger,
  ) {}

  of(descriptor: ProtocolDescriptor, connection: Connection, database: string | undefined): Pick<Catalog, 'ask' | 'forget'> {
    const key = JSON.stringify([connection.name, connection.revision, database ?? null])
    let catalog = this.catalogs.get(key)
    if (catalog === undefined) {
      catalog = new Catalog(descriptor, connection, database, this.keys, this.logger)
      this.catalogs.set(key, catalog)
    }
    return catalog
  }

  close(): void {
    for (const catalog of this.catalogs.values()) catalog.close()
    this.catalogs.clear()
  }
}
