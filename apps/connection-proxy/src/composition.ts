import { createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Bus } from '@sallyport/messaging'
import { ConfigurationError } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { AdmissionDesk } from './admission/admission.js'
import { StreamDurability } from './admission/stream-durability.js'
import { isLoopback, type ProxyConfig } from './config.js'
import { Decisions } from './judging/decisions.js'
import { Holds } from './judging/holds.js'
import { Plans } from './judging/plans.js'
import { RevisionWatch } from './judging/revision-watch.js'
import { proxyMetrics } from './metrics.js'
import { createRecogniser } from './recognition/index.js'
import { Recorder } from './recording/recorder.js'
import { LiveSessions } from './session/live-sessions.js'
import type { ProxyServices } from './session/services.js'
import { Catalogs } from './targets/catalogs.js'
import { serverKeys } from './server-keys.js'
import type { TargetKeys } from './targets/dial.js'

/** What one proxy process is made of, besides its listeners. */
export interface Composition {
  readonly services: ProxyServices
  readonly policyRevisions: RevisionWatch
  readonly maskingRevisions: RevisionWatch
  readonly recogniser: ReturnType<typeof createRecogniser>
}

export const COMPOSITION = Symbol('Composition')
const now = (): number => performance.now()

/** Puts the parts together. Throws ConfigurationError when keys or certificates are missing or unreadable. */
export const compose = (config: ProxyConfig, bus: Bus, proxy: string, logger: Logger, metrics: Registry): Composition => {
  const [policyRevisions, maskingRevisions] = [new RevisionWatch(now), new RevisionWatch(now)]
  const recogniser = createRecogniser({})
  const decisions = new Decisions(bus, policyRevisions)
  const holds = new Holds(bus, proxy, logger)
  const recorder = new Recorder({ bus, proxy, partitions: config.SALLYPORT_EVENT_PARTITIONS, tailBytesMax: config.SALLYPORT_TAIL_BYTES, logger })
  const live = new LiveSessions(bus, proxy)
  const keys = readKeys(config)
  const services: ProxyServices = {
    decisions, holds, recorder, live, keys, logger, proxy,
    plans: new Plans(bus, maskingRevisions),
    digestKey: createSecretKey(config.SALLYPORT_DIGEST_KEY, 'base64'),
    desk: new AdmissionDesk(bus, decisions, new StreamDurability({ bus, logger, monitorUrls: config.SALLYPORT_NATS_MONITOR_URL, unchecked: config.SALLYPORT_STREAM_DURABILITY === 'unchecked' })),
    catalogs: new Catalogs(keys, logger),
    metrics: proxyMetrics(metrics, { sessions: () => live.size, held: () => holds.held, tailBytes: () => recorder.tailBytes }),
    recognise: (descriptor, text, settings) => recogniser.recognise(descriptor.name, text, settings),
    serverKeys: serverKeys(config.SALLYPORT_SERVER_KEYS_DIR, logger),
    tls: readTls(config),
    acknowledgeMs: config.SALLYPORT_ACKNOWLEDGE_MS,
    sessionsMax: config.SALLYPORT_SESSIONS_MAX,
  }
  return { services, policyRevisions, maskingRevisions, recogniser }
}

const readKeys = (config: ProxyConfig): TargetKeys => {
  const text = config.SALLYPORT_PROXY_KEYS ?? (config.SALLYPORT_PROXY_KEYS_FILE === undefined ? undefined : readFileSync(config.SALLYPORT_PROXY_KEYS_FILE, 'utf8'))
  if (text === undefined) throw new ConfigurationError('SALLYPORT_PROXY_KEYS or SALLYPORT_PROXY_KEYS_FILE must hold the private keys that open target credentials')
  try {
    return { keys: (JSON.parse(text) as { keys: TargetKeys['keys'] }).keys }
  } catch (cause) {
    throw new ConfigurationError('the proxy\'s keys are not a JSON Web Key Set', { cause })
  }
}

const readTls = (config: ProxyConfig): ProxyServices['tls'] => {
  const required = !isLoopback(config.SALLYPORT_LISTEN_HOST)
  if (config.SALLYPORT_TLS_CERT_FILE === undefined || config.SALLYPORT_TLS_KEY_FILE === undefined) {
    if (required) throw new ConfigurationError(`listeners on ${config.SALLYPORT_LISTEN_HOST} require TLS: set SALLYPORT_TLS_CERT_FILE and SALLYPORT_TLS_KEY_FILE, or bind to loopback`)
    return { context: undefined, required }
  }
  const context = createSecureContext({ cert: readFileSync(config.SALLYPORT_TLS_CERT_FILE), key: readFileSync(config.SALLYPORT_TLS_KEY_FILE), minVersion: 'TLSv1.2' })
  return { context, required }
}
