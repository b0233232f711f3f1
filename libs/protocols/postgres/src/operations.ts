import { containsPlaceholder, type InputKind, type Operation, type Recognition, type Refusal } from '@sallyport/protocol-kit'
import { BodyReader } from './codec/decode.js'
import { readableValue } from './values.js'

/** Circumstances that every operation of a session shares. */
export interface OperationContext {
  readonly database: string
  readonly username: string
  /** Settings that change the meaning of statements, as one text. */
  readonly settings: string
  readonly holdCapMs: number
  readonly decode: (bytes: Uint8Array) => string
}

/** An operation that says whether what it would store holds the placeholder of a mask. */
export interface StoringOperation extends Operation {
  refusal: Refusal | undefined
  readonly holdsPlaceholder: boolean
}

const anyHolds = (text: string, standsFor: NonNullable<Operation['standsFor']>): boolean => containsPlaceholder(text) || standsFor.some((named) => containsPlaceholder(named.text))

/** A simple query, or a protocol portal without parameters. */
export class QueryOperation implements StoringOperation {
  refusal: Refusal | undefined
  readonly holdCapMs: number
  readonly standsFor: NonNullable<Operation['standsFor']>
  constructor(
    readonly recognition: Recognition, readonly text: string, readonly input: InputKind, private readonly context: OperationContext,
    private readonly names: Names = { named: [], standsFor: [] },
  ) {
    this.holdCapMs = context.holdCapMs
    this.standsFor = names.standsFor
  }

  get holdsPlaceholder(): boolean {
    return anyHolds(this.text, this.standsFor)
  }

  get exact(): readonly (Uint8Array | string)[] {
    return ['query', this.text, this.context.database, this.context.username, this.context.settings, ...this.names.named]
  }
}

/** What the names in a text stand for. */
export interface Names {
  /** Exactly. */
  readonly named: readonly (Uint8Array | string)[]
  readonly standsFor: NonNullable<Operation['standsFor']>
}

/** What a Bind is given besides its statement's text. */
export interface Given extends Names {
  readonly types: readonly number[]
  /** Bind's body behind both names: formats, values, result formats. */
  readonly bound: Buffer
}

/**
 * A Bind with its parameters. `parameters` and `exact` are worked out when asked for; they read the client's bytes,
 * so they must be read before the promise of `judge` resolves.
 */
export class BindOperation implements StoringOperation {
  refusal: Refusal | undefined
  readonly holdCapMs: number
  readonly standsFor: NonNullable<Operation['standsFor']>
  constructor(readonly recognition: Recognition, readonly text: string, readonly input: InputKind, private readonly given: Given, private readonly context: OperationContext) {
    this.holdCapMs = context.holdCapMs
    this.standsFor = given.standsFor
  }

  get holdsPlaceholder(): boolean {
    return containsPlaceholder(this.given.bound) || anyHolds(this.text, this.standsFor)
  }

  get exact(): readonly (Uint8Array | string)[] {
    const { types, bound, named } = this.given
    return ['bind', this.text, types.join(','), bound, this.context.database, this.context.username, this.context.settings, ...named]
  }

  get parameters(): readonly (string | null)[] {
    return readParameters(this.given.bound, this.given.types, this.context.decode)
  }
}

/** Values in readable form. A body whose lengths lie ends the list: the target refuses it. */
const readParameters = (bound: Buffer, types: readonly number[], decode: (bytes: Uint8Array) => string): readonly (string | null)[] => {
  const values: (string | null)[] = []
  try {
    const body = new BodyReader(bound, 0, bound.length)
    const formats: number[] = []
    for (let count = body.uint16(); count > 0; count--) formats.push(body.uint16())
    const count = body.uint16()
    for (let index = 0; index < count; index++) {
      const value = body.value()
      const format = formats.length === 1 ? formats[0] : formats[index]
      values.push(value === null ? null : readableValue(value, types[index] ?? 0, format ?? 0, decode))
    }
  } catch {
    values.push('(malformed)')
  }
  return values
}

/** Functions of pg_proc.dat that libpq calls by number, for large objects. */
const largeObjectFunctions: Readonly<Record<number, string>> = {
  715: 'lo_create', 764: 'lo_import', 765: 'lo_export', 767: 'lo_import', 952: 'lo_open', 953: 'lo_close', 954: 'loread', 955: 'lowrite', 956: 'lo_lseek', 957: 'lo_creat', 958: 'lo_tell', 964: 'lo_unlink',
  1004: 'lo_truncate', 3170: 'lo_lseek64', 3171: 'lo_tell64', 3172: 'lo_truncate64', 3457: 'lo_from_bytea', 3458: 'lo_get', 3459: 'lo_get', 3460: 'lo_put',
}

/** Those that give back what is in a large object; the others answer with a number, a descriptor or nothing. */
const revealing: ReadonlySet<string> = new Set(['loread', 'lo_get'])

/** FunctionCall ('F') names a function by its number. What it does can't be proven, so it is an execution that may touch anything. */
export const recogniseFunctionCall = (oid: number): Recognition => {
  const known = largeObjectFunctions[oid]
  const name = known ?? `oid:${oid}`
  const anything = known === undefined || revealing.has(known)
  return {
    effects: [{ action: 'sql.function', class: 'execute', facts: { functions: [name], statementCount: 1 } }],
    action: 'sql.function',
    class: 'execute',
    fingerprint: `pg:function:${oid}`,
    provenRead: false,
    alwaysAllowed: false,
    touches: { relations: [], columns: [], everything: anything, opaque: anything },
    literals: [],
    detail: { statements: [] },
  }
}

/** A FunctionCall with its arguments. */
export class FunctionOperation implements StoringOperation {
  refusal: Refusal | undefined
  readonly input = 'none'
  readonly holdCapMs: number
  constructor(readonly recognition: Recognition, readonly text: string, private readonly body: Buffer, private readonly context: OperationContext) {
    this.holdCapMs = context.holdCapMs
  }

  get holdsPlaceholder(): boolean {
    return containsPlaceholder(this.body)
  }

  get exact(): readonly (Uint8Array | string)[] {
    return ['function', this.body, this.context.database, this.context.username, this.context.settings]
  }
}
