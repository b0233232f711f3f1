import type { ProtocolDescriptor, Recognition } from '@sallyport/protocol-kit'
import { protocolNamed } from '@sallyport/protocols'
import { TextCache, cacheKey } from './text-cache.js'
import { type JobFailure, WorkerPool } from './worker-pool.js'

type Settings = Readonly<Record<string, string>>
type Judged = Pick<ProtocolDescriptor, 'limits' | 'unrecognised'>

export interface RecogniserOptions {
  /** Texts parsed at the same time; one more thread stands by. */
  readonly poolSize?: number
  readonly cacheBytesMax?: number
  /** Texts that wait for a thread; more are unrecognised at once. */
  readonly queueMax?: number
  /** How long one waits at most. */
  readonly queueTimeoutMs?: number
  /** A thread that reaches its heap limit can take the process with it: this is a last resort, recognisers bound what they build. */
  readonly heapMegabytesMax?: number
  /** Compiled entry of the worker thread. */
  readonly workerEntry?: URL
  /** For tests: limits and stand-ins of protocols that aren't in the registry. */
  readonly protocol?: (name: string) => Judged | undefined
}

export interface Recogniser {
  /**
   * At once when the text is known, else when a worker has parsed it. Never rejects: what can't be parsed in time is unrecognised.
   * `settings` is frozen: give a new object when something changed, and the same one as long as nothing did.
   */
  recognise(protocol: string, text: string, settings: Settings): Recognition | Promise<Recognition>
  readonly stats: { readonly hits: number; readonly misses: number; readonly replacedWorkers: number; readonly cacheBytes: number }
  close(): Promise<void>
}

const problems: Readonly<Record<JobFailure, string>> = {
  'timed-out': 'the statement took too long to parse',
  broke: 'the statement is too complex to parse',
  'queue-full': 'too many statements are waiting to be parsed',
  'waited-too-long': 'the parser had no time for the statement',
  closed: 'this gateway is shutting down',
}

/** Beside this file when it is compiled; sources (under a test) use the package's compiled output. */
const defaultEntry = (): URL => {
  const here = import.meta.url
  return here.endsWith('.ts') ? new URL(here.replace(/\/src\/recognition\/[^/]*$/, '/dist/recognition/recogniser-worker.js')) : new URL('./recogniser-worker.js', here)
}

/** Parses texts in threads that can be killed, and remembers what they meant. */
export const createRecogniser = (options: RecogniserOptions): Recogniser => {
  const find = options.protocol ?? protocolNamed
  const cache = new TextCache(options.cacheBytesMax ?? 32 * 1024 * 1024)
  const pending = new Map<string, Promise<Recognition>>()
  const pool = new WorkerPool({
    entry: options.workerEntry ?? defaultEntry(), size: options.poolSize ?? 2, queueMax: options.queueMax ?? 1024,
    queueTimeoutMs: options.queueTimeoutMs ?? 5000, heapMegabytesMax: options.heapMegabytesMax ?? 1024,
  })
  let hits = 0
  let misses = 0

  const parse = async (key: string, descriptor: Judged, protocol: string, text: string, settings: Settings): Promise<Recognition> => {
    const result = await pool.run({ protocol, text, settings }, descriptor.limits.recogniseTimeoutMs)
    pending.delete(key)
    // Only answers are remembered: what failed for want of time may succeed later.
    if (result.kind !== 'recognised') return descriptor.unrecognised(text, problems[result.kind])
    cache.set(key, result.recognition)
    return result.recognition
  }

  return {
    recognise: (protocol, text, settings) => {
      const descriptor = find(protocol)
      if (descriptor === undefined) throw new Error(`no protocol is named ${protocol}`)
      const { textBytesMax } = descriptor.limits
      if (text.length > textBytesMax || Buffer.byteLength(text) > textBytesMax) return descriptor.unrecognised(text, `the text is longer than ${textBytesMax} bytes`)
      const key = cacheKey(protocol, text, settings)
      const known = cache.get(key)
      if (known !== undefined) {
        hits += 1
        return known
      }
      misses += 1
      const running = pending.get(key)
      if (running !== undefined) return running
      const started = parse(key, descriptor, protocol, text, settings)
      pending.set(key, started)
      return started
    },
    get stats() {
      return { hits, misses, replacedWorkers: pool.replaced, cacheBytes: cache.bytes }
    },
    close: () => pool.close(),
  }
}
