import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { service as api } from '@sallyport/api'
import { service as approval } from '@sallyport/approval'
import { service as auditStore } from '@sallyport/audit-store'
import { startDevIdp, type DevIdp } from '@sallyport/dev-idp'
import { service as masking } from '@sallyport/masking'
import type { Bus } from '@sallyport/messaging'
import { service as policyDecision } from '@sallyport/policy-decision'
import { startService, type RunningService } from '@sallyport/runtime'
import { generateSealingKey } from '@sallyport/sealing'
import { freshBus, freshDatabase, startNats, startPostgres, temporaryDir } from '@sallyport/testing'

const root = path.resolve(import.meta.dirname, '../../..')
const packages = ['apps/cli', 'libs/contracts', 'libs/sealing', 'libs/protocols/kit', 'libs/protocols/postgres', 'libs/protocols/registry']

export interface Ran {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Called with all of standard error so far, whenever there is more. */
  readonly onErr?: (text: string) => void
}

/** Runs a Node program to its end. */
const run = (args: readonly string[], { env = {}, onErr }: RunOptions = {}): Promise<Ran> => new Promise((resolve, reject) => {
  const child = spawn(process.execPath, args, { cwd: root, env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => { out += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    onErr?.(err)
  })
  child.once('error', reject)
  child.once('close', (status) => resolve({ status, out, err }))
})

/** The control plane with real NATS, PostgreSQL and issuer, and the client as it is shipped. `bus` plays a proxy. */
export interface Platform {
  readonly api: string
  readonly idp: DevIdp
  readonly bus: Bus
  /** Of a directory that tests may write to. */
  readonly dir: string
  /** The listener that the API names for PostgreSQL: a server itself, which trusts everybody, since what proxies do with a session is not the client's business. */
  readonly listener: { readonly host: string; readonly port: number }
  /** Its superuser's URL. */
  readonly target: string
  /** Runs `sallyport …` as somebody with log-ins of his own. */
  cli(home: string, args: readonly string[], options?: RunOptions): Promise<Ran>
  /** Logs a development principal in by its client secret; his home is his name. */
  logIn(name: string): Promise<void>
  stop(): Promise<void>
}

export const startPlatform = async (): Promise<Platform> => {
  const built = await run(['tools/build.mjs', ...packages])
  if (built.status !== 0) throw new Error(built.err)
  const dir = temporaryDir('cli')
  mkdirSync(dir, { recursive: true })
  const [nats, idp, database, sealing] = [await startNats({ dataDir: temporaryDir('nats'), ephemeral: true }), await startDevIdp({ port: 0 }), await freshDatabase(), await generateSealingKey()]
  const hba = path.join(dir, 'hba.conf')
  writeFileSync(hba, 'host all all 127.0.0.1/32 trust\nlocal all all trust\n')
  const target = await startPostgres({ dataDir: temporaryDir('target'), ephemeral: true, settings: { hba_file: hba } })
  const listener = { host: '127.0.0.1', port: target.port }
  const bus = await freshBus('px1', { url: nats.url })
  const common = { SALLYPORT_NATS_URL: nats.url, SALLYPORT_DATABASE_URL: database, SALLYPORT_LOG_LEVEL: 'silent', SALLYPORT_AUDIT_POOL_SIZE: '4' }
  const running: RunningService[] = []
  for (const service of [auditStore, policyDecision, masking, approval]) running.push(await startService(service as never, common))
  const apiService = await startService(api, { ...common, SALLYPORT_DEV_ISSUER: idp.issuer, SALLYPORT_SEALING_KEYS: JSON.stringify({ keys: [sealing.publicKey] }), SALLYPORT_LISTENERS: JSON.stringify({ postgres: listener }) })
  const cli: Platform['cli'] = (home, args, options = {}) => run([path.join(root, 'apps/cli/dist/main.js'), ...args], {
    ...options,
    env: { SALLYPORT_API: apiService.httpUrl, SALLYPORT_ISSUER: idp.issuer, XDG_CONFIG_HOME: path.join(dir, home), ...options.env },
  })
  return {
    api: apiService.httpUrl, idp, bus, dir, listener, target: target.url, cli,
    logIn: async (name) => {
      const { status, err } = await cli(name, ['login', '--client-id', name], { env: { SALLYPORT_CLIENT_SECRET: `${name}-secret` } })
      if (status !== 0) throw new Error(err)
    },
    stop: async () => {
      await bus.close()
      for (const service of [apiService, ...running.reverse()]) await service.stop()
      await idp.stop()
      await nats.stop()
      await target.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
