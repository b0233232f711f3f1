import type { Recognition } from '@sallyport/protocol-kit'
import { limits } from '../limits.js'
import type { Shape } from '../results/shape.js'
import type { Command } from './command.js'

/** PostgreSQL cuts names of statements and portals at NAMEDATALEN - 1 bytes. */
const nameBytesMax = 63
export const nameKey = (name: string): string => (name.length > nameBytesMax ? name.slice(0, nameBytesMax) : name)
/** Key of a name that the SQL parser read. */
export const sqlNameKey = (name: string): string => nameKey(Buffer.from(name, 'utf8').toString('latin1'))

interface Named<T> {
  readonly key: string
  /** Number of messages that end with ReadyForQuery forwarded before it. */
  readonly batch: number
  /** The target said that it exists. */
  confirmed: boolean
  /** Characters of text that it keeps in memory. */
  readonly weight: number
  /** Its creation failed or was skipped: it never existed. */
  dead: boolean
  /** What the name meant before, while it isn't certain that the new meaning took effect. */
  previous: T | undefined
}

/** A prepared statement, of the protocol or of SQL: they share one name space. */
export class Statement implements Named<Statement> {
  dead = false
  previous: Statement | undefined
  /** Its rows as a portal of it was described last. `undefined`: never. */
  shape: Shape | undefined
  readonly weight: number
  confirmed = false
  /** The answer to its last Describe was: no rows. It can't change without an error (PostgreSQL fixes a prepared statement's result type). */
  rowless = false
  constructor(readonly key: string, readonly recognition: Recognition, readonly text: string, public parameterTypes: readonly number[], readonly batch: number) {
    this.weight = text.length
  }
}

export class Portal implements Named<Portal> {
  readonly weight = 0
  confirmed = false
  dead = false
  previous: Portal | undefined
  /** Judged with Bind, adopted by the first Execute. */
  command: Command | undefined
  adopted = false
  /** Bind's body behind the names: parameters and formats. */
  bound: Buffer = Buffer.alloc(0)
  /** What the statement's EXECUTE or FETCH meant when it was judged. */
  targets: readonly Recognition[] = []
  /** Rows are left after a row limit: the next Execute continues the same command. */
  suspended = false
  shape: Shape | undefined
  /** A Describe of it was forwarded. */
  described = false
  constructor(
    readonly key: string,
    readonly statement: Statement,
    /** Declared by SQL, may outlive its transaction. */
    readonly cursor: boolean,
    readonly batch: number,
  ) {}
}

/**
 * Names as the target will have them when everything forwarded so far has succeeded. Where that fails, `undo` brings back what the name meant before;
 * a name that the target has already dropped does no harm here: using it fails there.
 */
export class Names<T extends Named<T>> {
  private readonly byKey = new Map<string, T>()

  private weight = 0

  constructor(private readonly countMax: number, private readonly weightMax: number) {}

  get(key: string): T | undefined {
    return this.byKey.get(key)
  }

  /** No room for another one of this weight. */
  full(weight: number): boolean {
    return this.byKey.size >= this.countMax || this.weight + weight > this.weightMax
  }

  get size(): number {
    return this.byKey.size
  }

  define(item: T): void {
    item.previous = this.byKey.get(item.key)
    this.weight += item.weight
    this.byKey.set(item.key, item)
  }

  /** The definition took effect. */
  confirm(item: T): void {
    for (let former = item.previous; former !== undefined; former = former.previous) if (!former.dead) this.weight -= former.weight
    item.previous = undefined
    item.confirmed = true
  }

  undo(item: T): void {
    if (item.dead) return
    item.dead = true
    this.weight -= item.weight
    if (this.byKey.get(item.key) !== item) return
    let { previous } = item
    while (previous?.dead === true) previous = previous.previous
    if (previous === undefined) this.byKey.delete(item.key)
    else this.byKey.set(item.key, previous)
  }

  /** The target closed it. */
  remove(item: T): void {
    if (this.byKey.get(item.key) !== item) return
    this.byKey.delete(item.key)
    this.weight -= item.weight
  }

  values(): IterableIterator<T> {
    return this.byKey.values()
  }
}

export const newStatements = (): Names<Statement> => new Names(limits.statementsMax, limits.statementTextBytesMax)
export const newPortals = (): Names<Portal> => new Names(limits.portalsMax, 1)
