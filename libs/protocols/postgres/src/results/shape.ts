import type { MaskPlan, MaskQuery, Origin, Output, SessionHost, Touches } from '@sallyport/protocol-kit'
import { decodeRowDescription, type Field } from '../codec/decode.js'
import type { TextCodec } from '../encodings.js'
import type { CapturedShape } from '../session/captured-result.js'
import { Masker } from './masker.js'
import { asRelation, relationKey } from './relation.js'

/** For how long resolved origins are taken as current: another session may have renamed a column. */
const originsMaxAgeMs = 1000

/** One result shape as the target described it, with what was found out about it. */
export class Shape {
  /** The row description's bytes, to see that the next one is the same. */
  readonly raw: Buffer
  readonly fields: readonly Field[]
  readonly captured: CapturedShape
  private query: MaskQuery | undefined
  private queriedAt = 0
  private queryEpoch = 0
  private plan: MaskPlan | undefined
  private masker: Masker | undefined

  constructor(buffer: Buffer, start: number, end: number, private readonly codec: TextCodec | undefined) {
    this.raw = Buffer.from(buffer.subarray(start, end))
    const decode = codec?.decode ?? ((bytes: Uint8Array) => Buffer.from(bytes).toString('latin1'))
    this.fields = decodeRowDescription(this.raw, 0, this.raw.length, decode)
    this.captured = {
      names: this.fields.map((field) => field.name),
      types: this.fields.map((field) => field.type),
      formats: this.fields.map((field) => field.format),
      decode,
    }
  }

  same(buffer: Buffer, start: number, end: number, codec: TextCodec | undefined): boolean {
    return codec === this.codec && this.raw.length === end - start && this.raw.compare(buffer, start, end) === 0
  }

  /** How rows of this shape are to be delivered now. Answers at once when all is cached. `epoch` counts schema changes that the session saw; `uncertain`: there are some that the catalog doesn't show yet, so what views are made of isn't known. Rejects with a Refusal. */
  maskerFor(host: SessionHost, touches: Touches, epoch: number, uncertain: boolean): Masker | Promise<Masker> {
    const { query } = this
    if (query !== undefined && !uncertain && query.touches === touches && this.queryEpoch === epoch && host.now() - this.queriedAt < originsMaxAgeMs) return this.planned(host, query)
    const outputs = resolveOutputs(host, this.fields, uncertain)
    const resolved = (list: readonly Output[]): Masker | Promise<Masker> => {
      this.query = { touches, outputs: list }
      this.queriedAt = host.now()
      this.queryEpoch = epoch
      return this.planned(host, this.query)
    }
    return outputs instanceof Promise ? outputs.then(resolved) : resolved(outputs)
  }

  private planned(host: SessionHost, query: MaskQuery): Masker | Promise<Masker> {
    const plan = host.maskPlan(query)
    return plan instanceof Promise ? plan.then((late) => this.maskerOf(late)) : this.maskerOf(plan)
  }

  private maskerOf(plan: MaskPlan): Masker {
    if (this.masker === undefined || this.plan !== plan) {
      this.plan = plan
      this.masker = new Masker(plan, this.fields, this.codec)
    }
    return this.masker
  }
}

const unknown: Origin = { kind: 'unknown' }

/** Origins by the table and attribute numbers that the target gives, not by the output's name. */
const resolveOutputs = (host: SessionHost, fields: readonly Field[], uncertain: boolean): readonly Output[] | Promise<readonly Output[]> => {
  const answers = new Map<number, unknown>()
  const late: Promise<void>[] = []
  for (const { table } of fields) {
    if (table === 0 || answers.has(table)) continue
    const answer = host.catalog(relationKey(table))
    answers.set(table, answer)
    if (answer instanceof Promise) late.push(answer.then((value) => void answers.set(table, value)))
  }
  const outputs = (): readonly Output[] => fields.map((field) => ({ name: field.name, origin: originOf(answers.get(field.table), field.attribute, uncertain) }))
  return late.length === 0 ? outputs() : Promise.all(late).then(outputs)
}

const originOf = (answer: unknown, attribute: number, uncertain: boolean): Origin => {
  const relation = asRelation(answer)
  const names = relation?.columns[attribute]
  if (relation === undefined || names === undefined || relation.opaque || (uncertain && relation.view)) return unknown
  return { kind: 'column', names, view: relation.view }
}
