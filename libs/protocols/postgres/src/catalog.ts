import { Refusal, type CatalogHost, type CatalogSession } from '@sallyport/protocol-kit'
import { CatalogClient } from './catalog/catalog-client.js'
import { nameAnswer, relationAnswer, rowFunctionsAnswer } from './catalog/lineage.js'
import { terminateMessage } from './codec/encode.js'
import { Inbox } from './codec/inbox.js'
import { rowFunctionsKey } from './results/relation.js'
import { connectUpstream, TargetRefused } from './upstream/index.js'

const parameters = [
  ['application_name', 'sallyport catalog'],
  ['client_encoding', 'UTF8'],
  ['options', '-c statement_timeout=10000 -c default_transaction_read_only=on -c search_path=pg_catalog'],
] as const

/** The gateway's own connection to the target, for look-ups of what a relation is called and made of. */
class PostgresCatalog implements CatalogSession {
  readonly ready: Promise<void>
  private readonly inbox = new Inbox()
  private readonly client: CatalogClient
  private open = false

  constructor(private readonly host: CatalogHost) {
    this.client = new CatalogClient((bytes) => host.send(bytes))
    this.ready = this.connect()
    this.ready.catch(() => undefined)
  }

  private async connect(): Promise<void> {
    const { host } = this
    try {
      const access = await host.dial()
      const io = { send: (bytes: Uint8Array) => host.send(bytes), secure: () => host.secure(), redial: () => host.dial(), random: (count: number) => host.random(count) }
      await connectUpstream(io, this.inbox, access, parameters)
    } catch (error) {
      const refusal = error instanceof Refusal ? error : error instanceof TargetRefused ? error.refusal : new Refusal('unavailable', 'the catalog connection failed', {}, { cause: error })
      this.client.close(refusal)
      this.inbox.close(refusal)
      throw refusal
    }
    this.open = true
    this.client.receive(this.inbox.finish())
  }

  receive(chunk: Buffer): void | Promise<void> {
    if (this.open) return this.client.receive(chunk)
    return Promise.race([this.inbox.receive(chunk), this.ready])
  }

  end(): void {
    const refusal = new Refusal('unavailable', 'the target closed the catalog connection')
    this.inbox.close(refusal)
    this.client.close(refusal)
  }

  /** Keys: `rel:<oid>`, `name:[<schema or null>,<name>]` in JSON, `row-functions`. @throws Refusal */
  async ask(key: string): Promise<unknown> {
    await this.ready
    const query = (text: string) => this.client.query(text)
    if (key === rowFunctionsKey) return await rowFunctionsAnswer(query)
    if (key.startsWith('name:')) {
      const [schema, name] = JSON.parse(key.slice('name:'.length)) as [string | null, string]
      return await nameAnswer(query, schema, name)
    }
    const match = /^rel:(\d{1,10})$/.exec(key)
    if (match === null) throw new Refusal('unavailable', 'unknown catalog key')
    return await relationAnswer(query, Number(match[1]))
  }

  close(): void {
    if (this.open) this.host.send(terminateMessage)
    this.end()
  }
}

/** `database` is decided by the host's dial; it is part of the descriptor's contract for protocols that choose later. */
export const createCatalog = (host: CatalogHost, _database: string | undefined): CatalogSession => new PostgresCatalog(host)
