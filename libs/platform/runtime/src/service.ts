import 'reflect-metadata'
import { Module, type DynamicModule, type LoggerService } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { connectBus, type Bus } from '@sallyport/messaging'
import { pino, type Logger } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { z } from 'zod'
import { NatsLostError, whileNatsLasts, withoutNats } from './await-nats.js'
import { instanceName, readConfig, runtimeConfigSchema, type Environment, type RuntimeConfig } from './config.js'
import { HealthController } from './health.controller.js'
import { Readiness, type VitalFault } from './readiness.js'
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
const VITAL_MS = 500
/** Exit status of a process that can't go on by itself and is to be started again (EX_SOFTWARE of sysexits.h). */
const BROKEN_STATUS = 70

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

export interface StartOptions {
  /** Called once when something vital broke (see {@link Readiness.addVital}): the process should end. Default: nothing but a line in the log. */
  readonly onBroken?: (fault: VitalFault) => void
}

/**
 * Starts one service from an environment. NATS is waited for up to a deadline, also when it is lost while the service starts. Throws
 * ConfigurationError, or whatever kept it from starting.
 */
export const startService = async <S extends z.ZodObject>(definition: ServiceDefinition<S>, env: Environment, options: StartOptions = {}): Promise<RunningService> => {
  const runtime = readConfig(definition.name, runtimeConfigSchema, env)
  const config = readConfig(definition.name, definition.config, env)
  const instance = instanceName(definition.name, runtime.SALLYPORT_INSTANCE)
  const logger = makeLogger(definition.name, instance, runtime)
  const deadline = performance.now() + runtime.SALLYPORT_START_MS
  const bus = await connectBus({
    servers: runtime.SALLYPORT_NATS_URL,
    ...(runtime.SALLYPORT_NATS_USER === undefined ? {} : { user: runtime.SALLYPORT_NATS_USER, password: runtime.SALLYPORT_NATS_PASSWORD ?? '' }),
    name: definition.name,
    instance,
    logger,
    connectTimeoutMs: runtime.SALLYPORT_START_MS,
  }).catch((cause: unknown) => { throw withoutNats(definition.name, runtime, cause) })
  try {
    return await whileNatsLasts({ bus, logger, deadline }, () => boot(definition, { runtime, config, instance, logger, bus, onBroken: options.onBroken }))
  } catch (error) {
    await beforeDeadline(bus.close(), CLOSE_GRACE_MS)
    throw error instanceof NatsLostError ? withoutNats(definition.name, runtime, error) : error
  }
}

interface Boot<S extends z.ZodObject> {
  readonly runtime: RuntimeConfig
  readonly config: z.output<S>
  readonly instance: string
  readonly logger: Logger
  readonly bus: Bus
  readonly onBroken: StartOptions['onBroken']
}

const boot = async <S extends z.ZodObject>(definition: ServiceDefinition<S>, { runtime, config, instance, logger, bus, onBroken }: Boot<S>): Promise<RunningService> => {
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
  try {
    await app.listen(runtime.SALLYPORT_HTTP_PORT, runtime.SALLYPORT_HTTP_HOST)
  } catch (error) {
    await beforeDeadline(app.close(), CLOSE_GRACE_MS).catch((thrown: unknown) => logger.warn({ error: String(thrown) }, 'what had started could not be ended'))
    throw error
  }
  // What the service serves must be known to the bus before anybody hears that it has started.
  await bus.flush()
  const address = app.getHttpServer().address() as { port: number }
  const httpUrl = `http://${runtime.SALLYPORT_HTTP_HOST}:${address.port}`
  logger.info({ http: httpUrl }, 'started')
  const stopWatching = watchVital(readiness, logger, onBroken)

  let stopping: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    stopWatching()
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

/** Says it and calls `onBroken` when something vital breaks, once. */
const watchVital = (readiness: Readiness, logger: Logger, onBroken: StartOptions['onBroken']): (() => void) => {
  const timer = setInterval(() => {
    const fault = readiness.brokenVital()
    if (fault === undefined) return
    clearInterval(timer)
    logger.fatal({ check: fault.name }, `${fault.why}: this process has to be replaced`)
    onBroken?.(fault)
  }, VITAL_MS).unref()
  return () => clearInterval(timer)
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

/**
 * The body of a service's `main.ts`: runs until SIGTERM or SIGINT, drains, and exits with 0; with 1 when it could not start, with 70 when
 * something vital broke and whoever runs it should start it again.
 */
export const runService = async <S extends z.ZodObject>(definition: ServiceDefinition<S>, env: Environment): Promise<void> => {
  try {
    const end = (status: number): void => void running.stop().then(() => process.exit(status), () => process.exit(1))
    const running = await startService(definition, env, { onBroken: () => end(BROKEN_STATUS) })
    process.once('SIGTERM', () => end(0))
    process.once('SIGINT', () => end(0))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
}
