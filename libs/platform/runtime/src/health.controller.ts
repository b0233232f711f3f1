import { Controller, Get, Inject, Res } from '@nestjs/common'
import type { Registry } from 'prom-client'
import { Readiness } from './readiness.js'
import { METRICS, READINESS } from './tokens.js'

interface Response {
  status(code: number): Response
  type(mediaType: string): Response
  send(body: string | object): void
}

/** The three routes that every service answers without credentials; they name no session, person or secret. */
@Controller()
export class HealthController {
  constructor(
    @Inject(READINESS) private readonly readiness: Readiness,
    @Inject(METRICS) private readonly metrics: Registry,
  ) {}

  @Get('healthz')
  healthz(@Res() response: Response): void {
    response.type('application/json').send({ status: 'ok' })
  }

  @Get('readyz')
  async readyz(@Res() response: Response): Promise<void> {
    const state = await this.readiness.evaluate()
    response.status(state.ready ? 200 : 503).type('application/json').send({ status: state.ready ? 'ready' : 'not ready', checks: state.checks })
  }

  @Get('metrics')
  async prometheus(@Res() response: Response): Promise<void> {
    response.type(this.metrics.contentType).send(await this.metrics.metrics())
  }
}
