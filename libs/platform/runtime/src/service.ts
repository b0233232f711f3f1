import 'reflect-metadata'
import { Module, type DynamicModule, type LoggerService } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { connectBus, type Bus } from '@sallyport/messaging'
import { pino, type Logger } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { z } from 'zod'
import { instanceName, readConfig, runtimeConfigSchema, type Environment, type RuntimeConfig } from './config.js'
import { HealthController } from './health.controller.js'
import { Readiness } from './readiness.js'
import { BUS, INSTANCE, LOGGER, METRICS, READINESS } from './tokens.js'

export interface ServiceDefinition<S extends z.ZodObject = z.ZodObject> {
  /** Also its NATS user and queue group. */
  readonly name: string
  readonly config: S
  readonly module: (config: z.output<S>) => DynamicModule
  /** Middleware of the HTTP server, for the service whose server is more than health and metrics. */
  readonly http?: (app: NestExpressApplication, config: z.output<S>) => void
}

export interface RunningService {
  readonly name: string
  readonly instance: string
  readonly httpUrl: string
  /** Drains up to the configured deadline, then ends whatever is left. */
  stop(): Promise<void>
}

export const defineService = <S extends z.ZodObject>(definition: ServiceDefinition<S>): ServiceDefinition<S> => definition

@Module({})
class RuntimeModule {}

@Module({})
class RootModule {}

const CLOSE_GRACE_MS = 1_000

const runtimeModule = (bus: Bus, logger: Logger, metrics: Registry, readiness: Readiness, instance: string): DynamicModule => ({
  module: RuntimeModule,
  global: true,
  controllers: [HealthController],
  providers: [
    { provide: BUS, useValue: bus },
    { provide: LOGGER, useValue: logger },
    { provide: METRICS, useValue: metrics },
    { provide: READINESS, useValue: readiness },
    { provide: INSTANCE, useValue: instance },
  ],
  exports: [BUS, LOGGER, METRICS, READINESS, INSTANCE],
})

/** Nest's own messages: its errors and warnings only, as structured lines. */
const nestLogger = (logger: Logger): LoggerService => ({
  log: () => undefined,
  error: (message: unknown) => logger.error({ from: 'nest' }, String(message)),
  warn: (message: unknown) => logger.warn({ from: 'nest' }, String(message)),
})

const makeLogger = (service: string, instance: string, config: RuntimeConfig): Logger =>
  pino({ level: config.SALLYPORT_LOG_LEVEL, base: { service, instance }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } })

/** Starts one service from an environment. Throws ConfigurationError, or whatever kept it from starting. */
export const startService = async <S extends z.ZodObject>(definition: ServiceDefinition<S>, env: Environment): Promise<RunningService> => {
  const runtime = readConfig(definition.name, runtimeConfigSchema, env)
  const config = readConfig(definition.name, definition.config, env)
  const instance = instanceName(definition.name, runtime.SALLYPORT_INSTANCE)
  const logger = makeLogger(definition.name, instance, runtime)
  const bus = await connectBus({
    servers: runtime.SALLYPORT_NATS_URL,
    ...(runtime.SALLYPORT_NATS_USER === undefined ? {} : { user: runtime.SALLYPORT_NATS_USER, password: runtime.SALLYPORT_NATS_PASSWORD ?? '' }),
    name: definition.name,
    instance,
    logger,
  })
  try {
    return await boot(definition, { runtime, config, instance, logger, bus })
  } catch (error) {
    await bus.close()
    throw error
  }
}

interface Boot<S extends z.ZodObject> {
  readonly runtime: RuntimeConfig
  readonly config: z.output<S>
  readonly instance: string
  readonly logger: Logger
  readonly bus: Bus
}

const boot = async <S extends z.ZodObject>(definition: ServiceDefinition<S>, { runtime, config, instance, logger, bus }: Boot<S>): Promise<RunningService> => {
  const metrics = new Registry()
  metrics.setDefaultLabels({ service: definition.name })
  collectDefaultMetrics({ register: metrics })
  const readiness = new Readiness()
  readiness.add('nats', () => bus.connected)
  const app = await NestFactory.create<NestExpressApplication>(
    { module: RootModule, imports: [runtimeModule(bus, logger, metrics, readiness, instance), definition.module(config)] },
    { logger: nestLogger(logger), bodyParser: false, abortOnError: false },
  )
  app.disable('x-powered-by')
  definition.http?.(app, config)
  await app.listen(runtime.SALLYPORT_HTTP_PORT, runtime.SALLYPORT_HTTP_HOST)
  // What the service serves must be known to the bus before anybody hears that it has started.
  await bus.flush()
  const address = app.getHttpServer().address() as { port: number }
  const httpUrl = `http://${runtime.SALLYPORT_HTTP_HOST}:${address.port}`
  logger.info({ http: httpUrl }, 'started')

  let stopping: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    logger.info({ drainMs: runtime.SALLYPORT_DRAIN_MS }, 'stopping')
    const drained = await beforeDeadline(app.close(), runtime.SALLYPORT_DRAIN_MS)
    if (!drained) {
      logger.warn('the drain deadline passed: what still ran was cut off')
      app.getHttpServer().close()
      app.getHttpServer().closeAllConnections()
    }
    await beforeDeadline(bus.close(), CLOSE_GRACE_MS)
    metrics.clear()
    logger.info('stopped')
  }
  return { name: definition.name, instance, httpUrl, stop: () => (stopping ??= stop()) }
}

const beforeDeadline = async (work: Promise<unknown>, deadlineMs: number): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => { timer = setTimeout(() => resolve(false), deadlineMs) })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/** The body of a service's `main.ts`: runs until SIGTERM or SIGINT, drains, and exits with 0; with 1 when it could not start. */
export const runService = async <S extends z.ZodObject>(definition: ServiceDefinition<S>, env: Environment): Promise<void> => {
  try {
    const running = await startService(definition, env)
    const end = (): void => void running.stop().then(() => process.exit(0), () => process.exit(1))
    process.once('SIGTERM', end)
    process.once('SIGINT', end)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
}
