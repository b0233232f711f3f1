import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { LOGGER } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { Directory } from '../directory/directory.js'
import { CHANGES, DIRECTORY, TURNS } from '../tokens.js'
import type { Changes } from './changes.js'
import type { Turns } from './turns.js'

const INTERVAL_MS = 5_000
/** Until this replica knows the directory. */
const SOON_MS = 100

/** Now and then, and when the service starts: finishes changes that were cut off, and sees that the agents' guards are what they should be. */
@Injectable()
export class Tending implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> = Promise.resolve()
  private stopped = false
  private failing = false

  constructor(
    @Inject(CHANGES) private readonly changes: Changes,
    @Inject(TURNS) private readonly turns: Turns,
    @Inject(DIRECTORY) private readonly directory: Directory,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.tend()
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true
    clearTimeout(this.timer)
    await this.running
  }

  private async tend(): Promise<void> {
    const known = this.directory.set.verified()
    if (known) await this.attempt()
    if (!this.stopped) this.timer = setTimeout(() => { this.running = this.tend() }, known ? INTERVAL_MS : SOON_MS)
  }

  private async attempt(): Promise<void> {
    try {
      await this.turns.take(() => this.changes.tend())
      this.failing = false
    } catch (error) {
      if (!this.failing && !this.stopped) this.logger.warn({ error: String(error) }, 'configuration: what was left of earlier changes can\'t be finished now, it is tried again')
      this.failing = true
    }
  }
}
