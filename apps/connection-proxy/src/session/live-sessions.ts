import { randomBytes } from 'node:crypto'
import { at } from '@sallyport/contracts/rpc'
import { cancelByKey, cancelTag, killSession, liveSessions } from '@sallyport/contracts/session'
import type { Bus, Stop } from '@sallyport/messaging'
import { Refusal } from '@sallyport/protocol-kit'

export interface LiveSession {
  readonly id: string
  readonly connection: string
  readonly uid: string
  readonly openedAt: string
  /** Monotonic milliseconds after which the session must end. */
  readonly endsAt: number
  kill(refusal: Refusal): void
}

const SWEEP_MS = 1_000
const CANCEL_TIMEOUT_MS = 2_000

/** The open sessions of this proxy, and the ways to reach one from outside: kill, cancel key, list. */
export class LiveSessions {
  private readonly sessions = new Map<string, LiveSession>()
  private readonly keys = new Map<string, () => void | Promise<void>>()
  private readonly stops: Stop[] = []
  private readonly tag: number
  private killing: Refusal | undefined

  constructor(
    private readonly bus: Bus,
    private readonly proxy: string,
  ) {
    this.tag = cancelTag(proxy)
  }

  start(): void {
    const { bus, proxy } = this
    this.stops.push(bus.serve(at(killSession, proxy), ({ session, reason }) => ({ killed: this.kill(session, reason) }), { queue: null }))
    this.stops.push(bus.serve(at(liveSessions, proxy), () => ({ proxy, sessions: this.list() }), { queue: null }))
    this.stops.push(bus.serve(at(cancelByKey, String(this.tag)), async ({ key }) => ({ found: await this.cancelHere(key) }), { queue: null }))
    const sweep = setInterval(() => this.endOverdue(), SWEEP_MS)
    this.stops.push(() => clearInterval(sweep))
  }

  async stop(): Promise<void> {
    for (const stop of this.stops) await stop()
  }

  get size(): number {
    return this.sessions.size
  }

  add(session: LiveSession): void {
    this.sessions.set(session.id, session)
    if (this.killing !== undefined) session.kill(this.killing)
  }

  remove(id: string): void {
    this.sessions.delete(id)
  }

  /** A fresh key of `bytes` bytes that names this process; `cancel` is what it does, done when it resolves. */
  issueKey(bytes: number, cancel: () => void | Promise<void>): Buffer {
    const key = randomBytes(bytes)
    key.writeUInt16BE(this.tag, 0)
    this.keys.set(key.toString('hex'), cancel)
    return key
  }

  revokeKey(key: Buffer): void {
    this.keys.delete(key.toString('hex'))
  }

  /**
   * Carries out a cancel request, here or in the process that the key names. Nobody learns whether the key was known. Resolves when it is carried out:
   * who asked sees its end in that of his connection, and must not hit his next command with it.
   */
  async cancel(key: Uint8Array): Promise<void> {
    const bytes = Buffer.from(key)
    if (bytes.length < 8 || bytes.length > 256) return
    const hex = bytes.toString('hex')
    if (await this.cancelHere(hex)) return
    const tag = bytes.readUInt16BE(0)
    await this.bus.call(at(cancelByKey, String(tag)), { key: hex }, { timeoutMs: CANCEL_TIMEOUT_MS }).catch(() => undefined)
  }

  /** Ends all sessions, and whichever still open from now on. */
  killAll(refusal: Refusal): void {
    this.killing = refusal
    for (const session of [...this.sessions.values()]) session.kill(refusal)
  }

  private kill(id: string, reason: string): boolean {
    const session = this.sessions.get(id)
    session?.kill(new Refusal('killed', `this session was ended: ${reason}`))
    return session !== undefined
  }

  private async cancelHere(hex: string): Promise<boolean> {
    const cancel = this.keys.get(hex)
    await cancel?.()
    return cancel !== undefined
  }

  private list(): { id: string; connection: string; uid: string; openedAt: string }[] {
    return [...this.sessions.values()].map(({ id, connection, uid, openedAt }) => ({ id, connection, uid, openedAt }))
  }

  private endOverdue(): void {
    const now = performance.now()
    for (const session of [...this.sessions.values()]) {
      if (session.endsAt <= now) session.kill(new Refusal('killed', 'this session reached the longest time it may live', { remedy: 'Connect again with a fresh token.' }))
    }
  }
}
