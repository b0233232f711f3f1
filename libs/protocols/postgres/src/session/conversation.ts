import { Refusal, type SessionHost } from '@sallyport/protocol-kit'
import { Run } from '../codec/run.js'
import { status } from '../codec/types.js'
import { refusalResponse } from '../errors.js'
import type { StatementDetail } from '../recognition/index.js'
import type { OperationContext } from '../operations.js'
import type { Command } from './command.js'
import { CopiesOfMasked } from './copies-of-masked.js'
import { Expectation, Expectations, type ExpectationKind } from './expectations.js'
import type { Judged } from './judgement.js'
import { Outflow } from './outflow.js'
import { newPortals, newStatements, type Portal } from './names.js'
import { Resolution } from './resolution.js'
import { Settings } from './settings.js'

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text)

/** What both directions of an open session share. */
export class Conversation {
  readonly toTarget: Run
  readonly toClient: Outflow
  readonly expectations = new Expectations()
  readonly statements = newStatements()
  readonly portals = newPortals()
  readonly settings = new Settings()
  readonly resolution: Resolution
  readonly copiesOfMasked: CopiesOfMasked
  /** Name of a portal that never exists: executing it always fails. */
  readonly nowhere: string
  /** Counts messages that end with ReadyForQuery: what was made before one is gone when its transaction ends there. */
  batch = 0
  /** Status of the last ReadyForQuery. */
  transaction: number = status.idle
  /** BEGIN was forwarded, its answer may be due. */
  began = false
  /** Something that is no proven read was forwarded since the transaction began. */
  wrote = false
  /** The target ignores everything until Sync. */
  skipping = false
  /** The last forwarded COPY FROM STDIN that isn't over. */
  copyIn: Expectation | undefined
  copyInOpen = false
  /** An answer may have been taken for that of another message: whose text an error quotes isn't certain any more. */
  ambiguous = false
  private copyInSettled: (() => void) | undefined
  /** A command waits for people. */
  holding = false
  ended = false
  catalogEpoch = 0
  /** The target itself said that the session ends. */
  lastWord = false
  /** A streamed frame is cut at the end of what was sent: nothing of ours may be put there. */
  midFrame = false
  private notices: Uint8Array[] = []
  /** Statements whose settings are lost when the transaction is rolled back. */
  private settingStatements: StatementDetail[] = []

  /** The target may read backslashes in the next text in another way than it last reported. */
  stringsDoubt = false
  encodingDoubt = false
  /** Expectations since the last message that ends with ReadyForQuery. */
  private sinceReady = 0

  constructor(readonly host: SessionHost, readonly facts: { readonly database: string; readonly username: string; readonly targetProcess: number; readonly ownProcess: number }) {
    this.resolution = new Resolution(host)
    this.copiesOfMasked = new CopiesOfMasked(host, this.resolution)
    this.toTarget = new Run((bytes) => host.send('target', bytes))
    this.toClient = new Outflow((bytes) => host.send('client', bytes))
    this.nowhere = `sallyport_${Buffer.from(host.random(16)).toString('hex')}`
  }

  expect(kind: ExpectationKind): Expectation {
    const expectation = new Expectation(kind, this.batch)
    if (expectation.answeredByReady) {
      this.batch += 1
      this.sinceReady = 0
    } else this.sinceReady += 1
    if (kind === 'sync' && this.copyIn !== undefined) expectation.during = { copy: this.copyIn, index: this.copyIn.copiesEnded }
    this.expectations.push(expectation)
    return expectation
  }

  /** A message of the gateway's own, put between two messages of the target. */
  notify(bytes: Uint8Array): void {
    if (this.midFrame) this.notices.push(bytes)
    else this.toClient.send(bytes)
  }

  /** Called between two messages. */
  releaseNotices(): void {
    if (this.notices.length === 0) return
    for (const notice of this.notices.splice(0)) this.toClient.send(notice)
  }

  /** A transaction block is open, or will be when what was forwarded has run; or statements since the last Sync share an implicit one. */
  get inTransaction(): boolean {
    return this.transaction !== status.idle || this.began || this.expectations.length > 0
  }

  /** Longest a command may be held: others may wait for locks that this transaction has. */
  get holdCapMs(): number {
    return this.wrote && this.inTransaction ? 30_000 : 0
  }

  decode(bytes: Uint8Array): string {
    return this.settings.codec === undefined ? Buffer.from(bytes).toString('latin1') : this.settings.codec.decode(bytes)
  }

  operationContext(): OperationContext {
    return { database: this.facts.database, username: this.facts.username, settings: this.settings.exact, holdCapMs: this.holdCapMs, decode: (bytes) => this.decode(bytes) }
  }

  /** After a wait: the session is over, or the target ignores what follows, so the message is not forwarded. */
  dropped(judged: Judged): boolean {
    if (!this.ended && !this.skipping) return false
    if (!(judged instanceof Refusal)) judged.finish(this.ended ? 'lost' : 'cancelled')
    return true
  }

  dropsNow(): boolean {
    return this.ended || this.skipping
  }

  /** Waits, where that is possible, until it is certain how the target reads the next text. */
  parsingSettled(text: string): Promise<void> | undefined {
    const matters = (this.stringsDoubt && text.includes('\\')) || (this.encodingDoubt && !isAscii(text))
    return matters && this.expectations.length > 0 && this.sinceReady === 0 ? this.whenFormerAnswered() : undefined
  }

  noteSettings(details: readonly StatementDetail[]): void {
    for (const detail of details) if (detail.sets !== undefined) this.settingStatements.push(detail)
  }

  /** ReadyForQuery. `batch`: number of the message it answers. */
  ready(now: number, batch: number): void {
    const before = this.transaction
    this.transaction = now
    if (now === status.failed && before !== status.failed) this.doubtSettings()
    if (now !== status.idle) return
    if (this.expectations.length === 0) {
      this.began = false
      this.wrote = false
      this.settingStatements.length = 0
      this.stringsDoubt = false
      this.encodingDoubt = false
      this.resolution.settled()
    }
    if (this.portals.size > 0) this.dropPortals(batch)
  }

  /** What settings are now is not known: the transaction that set them failed or was rolled back. */
  doubtSettings(): void {
    if (this.settingStatements.length === 0) return
    this.settings.doubt(this.settingStatements, Buffer.from(this.host.random(8)).toString('hex'))
    this.settingStatements.length = 0
  }

  private dropPortals(batch: number): void {
    for (const portal of this.portals.values()) {
      if (portal.batch > batch || portal.cursor) continue
      this.endPortal(portal)
    }
  }

  /** The portal is gone at the target. */
  endPortal(portal: Portal): void {
    this.portals.remove(portal)
    const { command } = portal
    portal.command = undefined
    if (command !== undefined && !command.finished) this.toClient.after(() => command.finish(portal.adopted ? 'completed' : 'cancelled'))
  }

  /** The COPY in question began, or never will. */
  settleCopyIn(open: boolean): void {
    this.copyInOpen = open
    if (!open) this.copyIn = undefined
    const settled = this.copyInSettled
    this.copyInSettled = undefined
    settled?.()
  }

  /** Resolves when it is known whether the COPY that was forwarded takes data. */
  whenCopyInSettled(): Promise<void> {
    return new Promise((resolve) => {
      this.copyInSettled = resolve
    })
  }

  /** Resolves when everything up to the last message that ends with ReadyForQuery is answered; what came after it may not be flushed by the target yet. */
  whenFormerAnswered(): Promise<void> {
    this.toTarget.flush()
    return this.expectations.whenBelow(this.sinceReady + 1)
  }

  /** Every command that isn't over ends so. */
  endAll(outcome: 'lost' | 'cancelled'): void {
    this.ended = true
    const open = new Set<Command>()
    for (const { command } of this.expectations.all()) if (command !== undefined) open.add(command)
    for (const { command } of this.portals.values()) if (command !== undefined) open.add(command)
    for (const command of open) command.finish(outcome)
    this.copyInSettled?.()
    this.expectations.clear()
  }

  /** The last word to the client. */
  fatal(refusal: Refusal, code?: string): void {
    if (this.ended) return
    this.toClient.flush()
    if (!this.midFrame) this.host.send('client', refusalResponse(refusal, 'FATAL', code))
    this.endAll('lost')
  }
}
