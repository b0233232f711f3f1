import {
  approvalNoticeSchema, approvalNoticeSubject, claim, executed, getApproval, release, requestApproval, withdraw, type Approval, type ApprovalRequest,
} from '@sallyport/contracts/approval'
import { at, RpcError, type Rpc } from '@sallyport/contracts/rpc'
import { exactText } from '@sallyport/contracts/session'
import type { Bus, Stop } from '@sallyport/messaging'
import { Refusal } from '@sallyport/protocol-kit'
import type { Logger } from 'pino'
import { EXACT_BYTES_MAX, exactBytes, ParkedTexts } from './parked-texts.js'

/** The exact text of a held command, shown to approvers on demand and never stored. */
export interface ExactCommand {
  readonly text: string
  readonly parameters: readonly (string | null)[]
  readonly digest: string
}

interface Waiting {
  readonly exact: ExactCommand
  readonly check: () => void
  readonly abandon: (refusal: Refusal) => void
}

const POLL_MS = 2_000
/** A longer one would go off at once. */
const TIMER_MS_MAX = 2 ** 31 - 1
const unreachable = (cause: unknown): Refusal =>
  new Refusal('unavailable', 'this command needs an approval and nobody could be asked for it, so it was not run', { remedy: 'Try again in a moment.' }, { cause })

/** What the proxy knows of approvals: asks for them, waits for them, and claims each at most once. */
export class Holds {
  private readonly waiting = new Map<string, Waiting>()
  private readonly parked = new ParkedTexts()
  private readonly stops: Stop[] = []

  constructor(
    private readonly bus: Bus,
    private readonly proxy: string,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.stops.push(this.bus.subscribe(approvalNoticeSubject(this.proxy), (payload) => {
      const { id, status } = approvalNoticeSchema.parse(payload)
      this.waiting.get(id)?.check()
      if (status !== 'requested') this.parked.forget(id)
    }))
    this.stops.push(this.bus.serve(at(exactText, this.proxy), ({ approval }) => this.exact(approval), { queue: null }))
    this.stops.push(this.bus.onStatus((connected) => {
      if (!connected) for (const waiting of this.waiting.values()) waiting.abandon(unreachable('the bus was disconnected'))
    }))
    const poll = setInterval(() => { for (const waiting of this.waiting.values()) waiting.check() }, POLL_MS)
    this.stops.push(() => clearInterval(poll))
  }

  async stop(): Promise<void> {
    for (const stop of this.stops) await stop()
  }

  /** Asked under this proxy's name, the only one that the bus lets it use. */
  private own<R extends Rpc>(contract: R): R {
    return at(contract, this.proxy)
  }

  get held(): number {
    return this.waiting.size
  }

  async request(request: ApprovalRequest): Promise<Approval> {
    try {
      return await this.bus.call(this.own(requestApproval), request)
    } catch (cause) {
      if (cause instanceof RpcError && cause.code === 'conflict') throw new Refusal('limit', cause.message, {}, { cause })
      throw unreachable(cause)
    }
  }

  /** Keeps a parked command's text for those who decide about it, where the approval says that it is to be asked for. */
  keepParked(approval: Approval, exact: ExactCommand): void {
    if (approval.proxy !== this.proxy || approval.status !== 'requested') return
    const now = performance.now()
    this.parked.keep(approval.id, exact, now + Date.parse(approval.expiresAt) - Date.parse(approval.requestedAt), now)
  }

  /** A parked command that was approved meanwhile, claimed for this one run; undefined when there is none. */
  async claim(digest: string, uid: string, command: string): Promise<Approval | undefined> {
    try {
      return (await this.bus.call(this.own(claim), { digest, uid, command })).approval ?? undefined
    } catch (cause) {
      throw unreachable(cause)
    }
  }

  /**
   * Waits until the approval is approved; rejects with a Refusal when it is denied, expires, or `capMs` passes (0: only the approval's own expiry),
   * and with the signal's reason when the client cancels or leaves. Withdraws what it gives up.
   */
  async wait(approval: Approval, exact: ExactCommand, capMs: number, signal: AbortSignal): Promise<Approval> {
    // Both times are the approval service's: its clock and ours may differ, and whether it is overdue it decides itself.
    const deadlineMs = Math.max(0, Date.parse(approval.expiresAt) - Date.parse(approval.requestedAt))
    const waitMs = Math.min(capMs > 0 ? capMs : Infinity, deadlineMs, TIMER_MS_MAX)
    try {
      return await this.resolution(approval, exact, waitMs, signal)
    } catch (refusal) {
      const reason = refusal instanceof Refusal ? refusal.message : String(refusal)
      await this.bus.call(this.own(withdraw), { id: approval.id, reason }).catch((error: unknown) => {
        // Ended approvals refuse this; one that could not be reached expires by itself, and nothing runs without its release.
        this.logger.debug({ approval: approval.id, error: String(error) }, 'the approval was not withdrawn')
      })
      throw refusal
    } finally {
      this.waiting.delete(approval.id)
    }
  }

  private resolution(approval: Approval, exact: ExactCommand, waitMs: number, signal: AbortSignal): Promise<Approval> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Refusal('hold-expired', 'nobody decided in time', { approval: approval.id, remedy: 'Ask an approver, then send the command again.' })), waitMs)
      const onAbort = (): void => reject(signal.reason as Error)
      const settle = (end: () => void): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        end()
      }
      let asking = false
      const check = (): void => {
        if (asking) return
        asking = true
        void this.bus.call(this.own(getApproval), { id: approval.id })
          .then((now) => {
            const verdict = verdictOf(now)
            if (verdict === 'approved') settle(() => resolve(now))
            else if (verdict !== undefined) settle(() => reject(verdict))
          })
          .catch((error: unknown) => this.logger.warn({ approval: approval.id, error: String(error) }, 'an approval could not be looked up, it is tried again'))
          .finally(() => { asking = false })
      }
      if (signal.aborted) return settle(onAbort)
      signal.addEventListener('abort', onAbort, { once: true })
      this.waiting.set(approval.id, { exact, check, abandon: (refusal) => settle(() => reject(refusal)) })
      check()
    })
  }

  /** Compare-and-set to released with the digest that is about to run: at most once, whoever else tries. */
  async release(approval: Approval, digest: string, command: string): Promise<Approval> {
    try {
      return await this.bus.call(this.own(release), { id: approval.id, digest, command })
    } catch (cause) {
      throw cause instanceof RpcError && cause.code === 'conflict'
        ? new Refusal('hold-expired', `its approval can't be used: ${cause.message}`, { approval: approval.id }, { cause })
        : unreachable(cause)
    }
  }

  /** Says how a released command ended. Its loss only leaves the approval at `released`, which never runs again. */
  reportExecuted(approval: string, outcome: string): void {
    void this.bus.call(this.own(executed), { id: approval, outcome }).catch((error: unknown) => {
      this.logger.warn({ approval, error: String(error) }, 'the end of an approved command was not reported')
    })
  }

  private exact(approval: string): { text: string; parameters: (string | null)[]; digest: string } {
    const exact = this.waiting.get(approval)?.exact ?? this.parked.get(approval, performance.now())
    if (exact === undefined) throw new RpcError('not-found', 'the proxy that was asked to run it doesn\'t have its text (any more)')
    if (exactBytes(exact) > EXACT_BYTES_MAX) throw new RpcError('not-found', `its text has more than ${EXACT_BYTES_MAX} bytes, too many to be shown`)
    return { ...exact, parameters: [...exact.parameters] }
  }
}

const verdictOf = (approval: Approval): 'approved' | Refusal | undefined => {
  const comment = approval.resolutions.findLast((resolution) => resolution.verdict === 'deny')?.comment
  switch (approval.status) {
    case 'requested':
      return undefined
    case 'approved':
      return 'approved'
    case 'denied':
      return new Refusal('hold-denied', comment === undefined || comment === '' ? 'no comment was given' : comment, { approval: approval.id })
    case 'withdrawn':
    case 'expired':
    case 'lapsed':
    case 'released':
    case 'executed':
      return new Refusal('hold-expired', `the approval is ${approval.status}`, { approval: approval.id, remedy: 'Send the command again to ask anew.' })
    default:
      return approval.status satisfies never
  }
}
