import { startOutbox, type OutboxOptions } from './outbox.js'

/** Named as Nest's lifecycle hooks are, so that what a provider's factory answers is called by them. */
export interface DatabaseLife {
  onApplicationBootstrap(): void
  onModuleDestroy(): Promise<void>
  onApplicationShutdown(): Promise<void>
}

/** A service's database through the service's life: its events are relayed while it runs, and the pool is closed when all else has stopped. */
export const databaseLife = (options: OutboxOptions): DatabaseLife => {
  let stopOutbox: ReturnType<typeof startOutbox> = () => undefined
  return {
    onApplicationBootstrap: () => { stopOutbox = startOutbox(options) },
    onModuleDestroy: async () => { await stopOutbox() },
    onApplicationShutdown: () => options.database.close(),
  }
}
