import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { LOGGER } from '@sallyport/runtime'
import type { Logger } from 'pino'
import { sweepOverdue } from './expire/sweep.js'
import { SWEEP_INTERVAL_MS } from './limits.js'
import type { ApprovalStore } from './store.js'
import { STORE } from './tokens.js'

/** Closes what is overdue about once a second, so that clients are answered though nobody asks. */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> = Promise.resolve()
  private stopped = false

  constructor(@Inject(STORE) private readonly store: ApprovalStore, @Inject(LOGGER) private readonly logger: Logger) {}

  onApplicationBootstrap(): void {
    this.schedule()
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true
    clearTimeout(this.timer)
    await this.running
  }

  private schedule(): void {
    if (this.stopped) return
    this.timer = setTimeout(() => { this.running = this.sweep().finally(() => this.schedule()) }, SWEEP_INTERVAL_MS)
  }

  private async sweep(): Promise<void> {
    try {
      const { failed } = await sweepOverdue(this.store)
      for (const { id, error } of failed) this.logger.error({ approval: id, error: String(error) }, 'an overdue approval could not be closed; it is refused all the same')
    } catch (error) {
      this.logger.warn({ error: String(error) }, 'the sweep for overdue approvals failed, it is tried again')
    }
  }
}
