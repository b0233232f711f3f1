import type { SecureContext } from 'node:tls'
import type { Recognition, ProtocolDescriptor } from '@sallyport/protocol-kit'
import type { Logger } from 'pino'
import type { AdmissionDesk } from '../admission/admission.js'
import type { JudgeServices } from '../judging/session-judge.js'
import type { ProxyMetrics } from '../metrics.js'
import type { Catalogs } from '../targets/catalogs.js'
import type { TargetKeys } from '../targets/dial.js'
import type { LiveSessions } from './live-sessions.js'

/** What the sessions of one proxy share. */
export interface ProxyServices extends JudgeServices {
  readonly desk: AdmissionDesk
  readonly keys: TargetKeys
  /** By protocol: private keys (PEM) by which this gateway is known to clients. */
  readonly serverKeys: ReadonlyMap<string, readonly string[]>
  readonly catalogs: Catalogs
  readonly live: LiveSessions
  readonly metrics: ProxyMetrics
  readonly logger: Logger
  readonly recognise: (descriptor: ProtocolDescriptor, text: string, settings: Readonly<Record<string, string>>) => Recognition | Promise<Recognition>
  readonly tls: { readonly context: SecureContext | undefined; readonly required: boolean }
  readonly acknowledgeMs: number
  readonly sessionsMax: number
}
