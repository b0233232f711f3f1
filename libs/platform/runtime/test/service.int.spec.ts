import { expect, test } from '@jest/globals'
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common'
import type { Bus } from '@sallyport/messaging'
import { startNats, temporaryDir, testNats, waitFor } from '@sallyport/testing'
import { z } from 'zod'
import { BUS, ConfigurationError, defineService, READINESS, startService, type Readiness } from '../src/index.js'

const heard: string[] = []

@Injectable()
class Worker implements OnModuleDestroy, OnApplicationShutdown {
  constructor(@Inject(BUS) private readonly bus: Bus, @Inject(READINESS) readiness: Readiness) {
    readiness.add('worker', () => heard.length === 0)
    readiness.add('broken', () => { if (heard.length > 0) throw new Error('no'); return true })
  }

  async onModuleDestroy(): Promise<void> {
    heard.push('drained')
    if (heard.includes('hang')) await new Promise(() => undefined)
  }

  onApplicationShutdown(): void {
    heard.push(`closed while the bus is ${this.bus.connected ? 'there' : 'gone'}`)
  }
}

class WorkerModule {}
const service = defineService({ name: 'worker', config: z.object({ SALLYPORT_COLOUR: z.enum(['red', 'blue']) }), module: () => ({ module: WorkerModule, providers: [Worker] }) })
const env = async () => ({ SALLYPORT_NATS_URL: (await testNats()).url, SALLYPORT_COLOUR: 'red', SALLYPORT_LOG_LEVEL: 'silent' })

test('a wrong environment is refused with each setting\'s name and without its value', async () => {
  const refused = startService(service, { ...(await env()), SALLYPORT_COLOUR: 's3cret' })
  await expect(refused).rejects.toBeInstanceOf(ConfigurationError)
  await expect(refused).rejects.toThrow('SALLYPORT_COLOUR')
  await expect(refused).rejects.not.toThrow('s3cret')
})

test('health, readiness and metrics answer; stopping drains first and closes the bus last', async () => {
  const running = await startService(service, await env())
  const get = async (path: string) => {
    const response = await fetch(`${running.httpUrl}${path}`)
    return { status: response.status, text: await response.text() }
  }
  expect(await get('/healthz')).toEqual({ status: 200, text: '{"status":"ok"}' })
  expect((await get('/readyz')).status).toBe(200)
  heard.push('busy')
  expect(await get('/readyz')).toMatchObject({ status: 503, text: expect.stringContaining('"worker":false,"broken":false') })
  expect((await get('/metrics')).text).toContain('process_cpu_seconds_total{service="worker"}')
  await running.stop()
  expect(heard).toEqual(['busy', 'drained', 'closed while the bus is there'])
  await expect(fetch(`${running.httpUrl}/healthz`)).rejects.toBeDefined()
})

test('a drain that hangs is cut off at its deadline', async () => {
  heard.splice(0, heard.length, 'hang')
  const running = await startService(service, { ...(await env()), SALLYPORT_DRAIN_MS: '50' })
  await running.stop()
  expect(heard).toEqual(['hang', 'drained'])
})

const plain = defineService({
  name: 'plain', config: z.object({}),
  module: () => ({ module: WorkerModule, providers: [{ provide: 'start', inject: [BUS], useFactory: async (bus: Bus) => { await bus.ensureEventStream() } }] }),
})

test('a service that starts before NATS waits for it, and one that loses it while starting starts again', async () => {
  const nats = await startNats({ dataDir: temporaryDir('late-nats') })
  const late = { SALLYPORT_NATS_URL: nats.url, SALLYPORT_LOG_LEVEL: 'silent' }
  nats.kill()
  const waiting = startService(plain, late)
  await nats.restart()
  const first = await waiting
  let tries = 0
  const shaken = defineService({
    ...plain,
    module: () => ({
      module: WorkerModule,
      providers: [{
        provide: 'start', inject: [BUS], useFactory: async (bus: Bus) => {
          if (++tries === 1) nats.kill()
          const done = bus.ensureEventStream()
          if (tries === 1) await nats.restart()
          await done
          if (tries === 1) throw new Error('what a service says when its requests failed')
        },
      }],
    }),
  })
  const second = await startService(shaken, late)
  expect(tries).toBeGreaterThan(1)
  expect((await fetch(`${second.httpUrl}/readyz`)).status).toBe(200)
  await Promise.all([first.stop(), second.stop()])
  await nats.stop()
}, 40_000)

test('without NATS it ends at the deadline and names the setting', async () => {
  const refused = startService(plain, { SALLYPORT_NATS_URL: 'nats://u:s3cret@127.0.0.1:1', SALLYPORT_START_MS: '500', SALLYPORT_LOG_LEVEL: 'silent' })
  await expect(refused).rejects.toThrow(/plain can't start.*SALLYPORT_NATS_URL \(nats:\/\/127\.0\.0\.1:1\)/)
  await expect(refused).rejects.not.toThrow('s3cret')
})

test('what breaks for good is said once, makes the service unready, and is handed to whoever runs the process', async () => {
  let whole = true
  const broken: string[] = []
  const fragile = defineService({
    name: 'fragile', config: z.object({}),
    module: () => ({ module: WorkerModule, providers: [{ provide: 'engine', inject: [READINESS], useFactory: (readiness: Readiness) => readiness.addVital('engine', () => whole, 'the engine broke') }] }),
  })
  const running = await startService(fragile, await env(), { onBroken: ({ name, why }) => void broken.push(`${name}: ${why}`) })
  expect((await fetch(`${running.httpUrl}/readyz`)).status).toBe(200)
  whole = false
  await waitFor(() => broken.length > 0)
  expect((await fetch(`${running.httpUrl}/readyz`)).status).toBe(503)
  await running.stop()
  expect(broken).toEqual(['engine: the engine broke'])
})
