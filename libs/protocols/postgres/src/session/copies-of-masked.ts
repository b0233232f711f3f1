import { Refusal, strictness, type Effect, type MaskQuery, type Recognition, type SessionHost, type Touches } from '@sallyport/protocol-kit'
import type { Copies } from '../recognition/index.js'
import { statementsOf } from './effective.js'
import { forResults, tablesMadeBy, type Resolution } from './resolution.js'

/** What each source of a statement is asked about, made once. */
interface Asked {
  readonly made: ReadonlySet<string>
  readonly parts: readonly Recognition[]
  /** Of these nothing is read: what the catalog doesn't know has no columns (an index). */
  readonly ofMoved: ReadonlySet<Recognition>
  readonly effect: Effect
}

const anything: Touches = { relations: [], columns: [], everything: true, opaque: true }

const partOf = (own: Recognition, touches: Touches): Recognition => ({ ...own, touches })

const askedFor = (own: Recognition, all: readonly Copies[], targets: readonly Recognition[]): Asked => {
  const parts: Recognition[] = []
  const ofMoved = new Set<Recognition>()
  const tables = new Set<string>()
  for (const { sources, opaque, executes } of all) {
    if (opaque || (executes && targets.length === 0)) parts.push(partOf(own, anything))
    for (const { schema, name, columns, everything, moved } of sources) {
      tables.add(schema === null ? name : `${schema}.${name}`)
      const part = partOf(own, { relations: [{ schema, name }], columns, everything, opaque: false })
      parts.push(part)
      if (moved) ofMoved.add(part)
    }
    if (executes) for (const target of targets) parts.push(partOf(own, target.touches))
  }
  return { made: tablesMadeBy(own), parts, ofMoved, effect: { action: 'sql.copy_masked', class: 'unmask', facts: { tables: [...tables].sort(), statementCount: Number(own.effects[0]?.facts['statementCount'] ?? 1) } } }
}

const worst = (own: Recognition, effect: Effect): Recognition => {
  const worse = strictness[effect.class] > strictness[own.class]
  return { ...own, effects: [...own.effects, effect], action: worse ? effect.action : own.action, class: worse ? effect.class : own.class, provenRead: false }
}

/**
 * Finds out whether what a command stores is masked: then that is an effect of its own, which needs a permission of its own. Known before
 * the command is judged, from what masking answers for the columns it reads into a place that keeps them.
 */
export class CopiesOfMasked {
  private readonly asked = new WeakMap<Recognition, Asked>()
  private readonly queries = new WeakMap<Touches, MaskQuery>()
  private readonly marked = new WeakMap<Recognition, Recognition>()

  constructor(private readonly host: SessionHost, private readonly resolution: Resolution) {}

  /** `resolved` as it is, or with the effect; the same object as long as nothing changed. `own`: the text by itself. */
  mark(own: Recognition, resolved: Recognition, targets: readonly Recognition[]): Recognition | Promise<Recognition> {
    const all = [own, ...targets].flatMap((each) => statementsOf(each).flatMap(({ copies }) => copies ?? []))
    if (all.length === 0) return resolved
    const known = targets.length === 0 ? this.asked.get(own) : undefined
    const asked = known ?? askedFor(own, all, targets)
    if (known === undefined) this.asked.set(own, asked)
    for (const [index, part] of asked.parts.entries()) {
      const masked = this.isMasked(part, asked)
      if (masked instanceof Promise) return this.markLate(resolved, asked, masked, index + 1)
      if (masked) return this.withEffect(resolved, asked.effect)
    }
    return resolved
  }

  private async markLate(resolved: Recognition, asked: Asked, pending: Promise<boolean>, from: number): Promise<Recognition> {
    if (await pending) return this.withEffect(resolved, asked.effect)
    for (const part of asked.parts.slice(from)) if (await this.isMasked(part, asked)) return this.withEffect(resolved, asked.effect)
    return resolved
  }

  private withEffect(resolved: Recognition, effect: Effect): Recognition {
    const known = this.marked.get(resolved)
    if (known !== undefined) return known
    const marked = worst(resolved, effect)
    this.marked.set(resolved, marked)
    return marked
  }

  private isMasked(part: Recognition, { made, ofMoved }: Asked): boolean | Promise<boolean> {
    const moved = ofMoved.has(part)
    const [relation] = part.touches.relations
    const fresh = relation !== undefined && part.touches.relations.length === 1 && this.resolution.isNewTable(relation, made)
    if (fresh instanceof Promise) return fresh.then((late) => !late && this.isMaskedAsKnown(part, moved))
    return !fresh && this.isMaskedAsKnown(part, moved)
  }

  private isMaskedAsKnown(part: Recognition, moved: boolean): boolean | Promise<boolean> {
    const resolved = this.resolution.resolve(part)
    return resolved instanceof Promise ? resolved.then((late) => this.touchesMasked(late, moved)) : this.touchesMasked(resolved, moved)
  }

  /** Without an answer it counts as masked; the command itself will then be refused for the same want. */
  private touchesMasked(resolved: Recognition, moved: boolean): boolean | Promise<boolean> {
    const touches = moved ? resolved.touches : forResults(resolved.touches)
    let query = this.queries.get(touches)
    if (query === undefined) {
      query = { touches, outputs: [] }
      this.queries.set(touches, query)
    }
    const plan = this.host.maskPlan(query)
    if (!(plan instanceof Promise)) return plan.touchesMasked
    return plan.then(({ touchesMasked }) => touchesMasked, (error: unknown) => {
      if (error instanceof Refusal) return true
      throw error
    })
  }
}
