import { Refusal, type Operation, type Outcome, type Ticket } from '@sallyport/protocol-kit'
import { say, type ChannelRequest } from '../channels/request.js'
import { refusalLine } from '../errors.js'
import type { Conversation } from '../session/conversation.js'
import { transferLimits } from './limits.js'
import type { LookUps } from './look-ups.js'
import { statuses } from './packets.js'
import { normalisedPath, resolvePath, type Resolved } from './paths.js'

export interface Wanted {
  readonly path: string
  readonly last: 'followed' | 'itself'
}

/** A path as asked for, and where it leads. */
export interface Place {
  readonly requested: string
  readonly path: string
}

/** `ticket` is undefined where it needs no record of its own. */
export type Permit =
  | { readonly kind: 'permitted'; readonly ticket: Ticket | undefined; readonly places: readonly Place[] }
  | { readonly kind: 'not'; readonly status: number; readonly text: string }

/** Finds out where the paths of a request lead, and judges it by that. */
export class Permits {
  private readonly looked = new Map<string, number>()
  private told = 0

  constructor(
    private readonly conversation: Conversation,
    private readonly request: ChannelRequest,
    private readonly lookUps: LookUps,
    private readonly home: string,
    /** Aborted when the client sends nothing more. */
    private readonly left: AbortSignal,
  ) {}

  /** Without asking the target. */
  normalised(path: string): string {
    return normalisedPath(this.home, path)
  }

  /** `again`: a key under which it is not judged again for some seconds, for what only looks. Rejects only when it can't be recorded, or the target is broken. */
  async ask(wanted: readonly Wanted[], operationOf: (places: readonly Place[]) => Operation, again?: string): Promise<Permit> {
    const { host } = this.conversation
    const resolved = await this.resolve(wanted)
    const places = resolved.map(({ path }, index) => ({ path, requested: this.normalised(wanted[index]!.path) }))
    const key = again === undefined ? undefined : `${again} ${places.map(({ path }) => path).join('\0')}`
    if (key !== undefined && (this.looked.get(key) ?? -Infinity) > host.now()) return this.permitted(undefined, resolved, places)
    const { ticket, refusal, held } = await this.judge(operationOf(places))
    if (refusal !== undefined) {
      this.tell(refusal)
      return { kind: 'not', status: statuses.permissionDenied, text: refusalLine(refusal) }
    }
    if (held && JSON.stringify(await this.resolve(wanted)) !== JSON.stringify(resolved)) {
      this.finish(ticket, 'failed', 'its path leads elsewhere than when approval was asked for')
      return { kind: 'not', status: statuses.permissionDenied, text: 'Sallyport: while this waited for approval its path came to lead elsewhere. Ask again.' }
    }
    if (key !== undefined) this.remember(key)
    return this.permitted(ticket, resolved, places)
  }

  finish(ticket: Ticket | undefined, outcome: Outcome['outcome'], problem?: string): void {
    if (ticket !== undefined) this.conversation.host.finish(ticket, { outcome, bytesOut: 0, ...(problem === undefined ? {} : { error: { code: 'target', message: problem } }) })
  }

  private permitted(ticket: Ticket | undefined, resolved: readonly Resolved[], places: readonly Place[]): Permit {
    const lost = resolved.find((place) => place.kind === 'unresolvable')
    if (lost === undefined) return { kind: 'permitted', ticket, places }
    this.finish(ticket, 'failed', 'the target doesn\'t show where its path leads')
    return { kind: 'not', status: lost.status, text: 'the target doesn\'t show where this path leads' }
  }

  private async judge(operation: Operation): Promise<{ readonly ticket: Ticket | undefined; readonly refusal?: Refusal; readonly held: boolean }> {
    const { gate, host } = this.conversation
    let held = false
    const verdict = await gate.judge(operation, (notice) => {
      held = true
      say(this.request, notice.text)
    }, AbortSignal.any([this.request.signal, this.left]))
    if (verdict.kind === 'refuse') return { ticket: undefined, refusal: verdict.refusal, held }
    const { ticket } = verdict
    try {
      await host.whenAcknowledged(ticket.sequence)
    } catch (thrown) {
      this.finish(ticket, 'failed', 'it could not be recorded, and did not run')
      throw thrown
    }
    if (!this.request.signal.aborted) return { ticket, held }
    this.finish(ticket, 'cancelled')
    return { ticket: undefined, refusal: new Refusal('killed', 'the transfer has ended'), held }
  }

  private resolve(wanted: readonly Wanted[]): Promise<readonly Resolved[]> {
    return Promise.all(wanted.map(({ path, last }) => resolvePath((at) => this.lookUps.look(at), this.home, path, last)))
  }

  /** Most clients show the status of an answer and not its text: they are told beside it, a client that looks at everything not for ever. */
  private tell(refusal: Refusal): void {
    this.told += 1
    if (this.told <= transferLimits.toldMax) say(this.request, refusalLine(refusal))
  }

  private remember(key: string): void {
    if (this.looked.size >= transferLimits.lookedMax) this.looked.clear()
    this.looked.set(key, this.conversation.host.now() + transferLimits.lookedMs)
  }
}
