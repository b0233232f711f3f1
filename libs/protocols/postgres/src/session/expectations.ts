import type { Refusal } from '@sallyport/protocol-kit'
import type { CopyMasker } from '../results/copy-masker.js'
import type { Masker } from '../results/masker.js'
import type { Command } from './command.js'
import type { Portal, Statement } from './names.js'
import type { Shape } from '../results/shape.js'

/** What the target still owes an answer for. `query` and `function` end with ReadyForQuery. */
export type ExpectationKind = 'parse' | 'bind' | 'describe-statement' | 'describe-portal' | 'execute' | 'close' | 'sync' | 'query' | 'function'

/** One forwarded message whose answer has not come. */
export class Expectation {
  command: Command | undefined
  /** Replaces the error that the message in the refused one's place draws. */
  refusal: Refusal | undefined
  /** Replaces the message of the error about a name that stands for another. */
  message: string | undefined
  statement: Statement | undefined
  portal: Portal | undefined
  /** SQLSTATE of the error that it drew. */
  failure = ''
  /** Ours, not the client's: its answer is not relayed. */
  swallow = false
  /** How many COPY FROM STDIN its text has: which bytes the client sends belong to them. */
  copiesIn = 0
  /** For how many of them the client said that the data is complete. */
  copiesEnded = 0
  /** How many of them the target has begun. */
  copiesBegun = 0
  /** The one begun last takes data. */
  copyActive = false
  copyOut = false
  copyMasker: CopyMasker | undefined
  /** COPY data passes untouched. */
  copyPasses = false
  /** The text, where its COPY TO STDOUT must be understood. */
  text = ''
  /** Sync: what was copied when it was sent, and which COPY of its text: that COPY swallows it, unless it fails before. */
  during: { readonly copy: Expectation; readonly index: number } | undefined
  /** Sync: the target may have swallowed it during COPY, then no answer comes. */
  doubtful = false
  /** The simple query's error came; ReadyForQuery is still due. */
  failed = false
  shape: Shape | undefined
  masker: Masker | undefined
  /** Names that SQL statements of the text defined or dropped; settled when it ends. */
  afterwards: ((succeeded: boolean) => void) | undefined

  constructor(readonly kind: ExpectationKind, /** Number of Syncs and the like forwarded before it. */ readonly batch: number) {}

  get copyIn(): boolean {
    return this.copiesIn > 0
  }

  get answeredByReady(): boolean {
    return this.kind === 'sync' || this.kind === 'query' || this.kind === 'function'
  }
}

/** First in, first out; amortised constant time, no copying per message. */
export class Expectations {
  private items: (Expectation | undefined)[] = []
  private head = 0
  private waiter: { readonly below: number; readonly resolve: () => void } | undefined

  get length(): number {
    return this.items.length - this.head
  }

  get first(): Expectation | undefined {
    return this.items[this.head]
  }

  push(item: Expectation): void {
    this.items.push(item)
  }

  shift(): Expectation | undefined {
    const { items, head } = this
    const item = items[head]
    if (item === undefined) return undefined
    items[head] = undefined
    this.head = head + 1
    if (this.head === items.length) {
      items.length = 0
      this.head = 0
    } else if (this.head > 1024 && this.head * 2 > items.length) {
      this.items = items.slice(this.head)
      this.head = 0
    }
    const { waiter } = this
    if (waiter !== undefined && this.length < waiter.below) {
      this.waiter = undefined
      waiter.resolve()
    }
    return item
  }

  /** Removes what the predicate names, of everything behind the first. The predicate may change what it sees. */
  dropBehindFirst(dropped: (item: Expectation) => boolean): void {
    const [first, ...rest] = this.all()
    if (first === undefined) return
    this.items = [first, ...rest.filter((item) => !dropped(item))]
    this.head = 0
  }

  clear(): void {
    this.items = []
    this.head = 0
    this.waiter?.resolve()
    this.waiter = undefined
  }

  all(): Expectation[] {
    return this.items.slice(this.head) as Expectation[]
  }

  /** Resolves when fewer than `below` are left. One waiter at a time: the client's side. */
  whenBelow(below: number): Promise<void> {
    if (this.length < below) return Promise.resolve()
    return new Promise((resolve) => {
      this.waiter = { below, resolve }
    })
  }
}
