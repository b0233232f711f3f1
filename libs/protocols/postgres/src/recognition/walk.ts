import { type Ast, bareType, isAst, listOf, nodeOf, textOf, unwrap } from './nodes.js'

/** Names of common table expressions that a relation name may mean. */
interface Scope {
  readonly names: ReadonlySet<string>
  readonly outer: Scope | undefined
}

export interface Frame {
  readonly type: string
  readonly node: Ast
  /** Name of the field it stands in. */
  readonly field: string
  readonly parent: Frame | undefined
  readonly scope: Scope | undefined
  /** Inside an EXPLAIN without ANALYZE: planned, not run. */
  readonly planned: boolean
}

export const inScope = (scope: Scope | undefined, name: string): boolean => {
  for (let at = scope; at !== undefined; at = at.outer) if (at.names.has(name)) return true
  return false
}

/** EXPLAIN runs its statement unless every ANALYZE option is a clear no. */
export const explainRuns = (explain: Ast): boolean => listOf(explain['options']).some((option) => {
  const { defname, arg } = nodeOf(option, 'DefElem') ?? {}
  if (textOf(defname).toLowerCase() !== 'analyze') return false
  const value = unwrap(arg)
  if (value?.type === 'Integer') return (value.node['ival'] ?? 0) !== 0
  return value?.type !== 'String' || !/^(?:false|off)$/i.test(textOf(value.node['sval']))
})

const cteName = (cte: unknown): string => textOf(nodeOf(cte, 'CommonTableExpr')?.['ctename'])

/** Nodes that hold nothing but a value: there can be hundreds of thousands of them. */
const leaves = new Set(['A_Const', 'String', 'Integer', 'Float', 'Boolean', 'BitString', 'ParamRef', 'A_Star', 'SetToDefault'])

const child = (value: unknown, field: string, parent: Frame, scope: Scope | undefined, planned: boolean): Frame | undefined => {
  if (!isAst(value)) return undefined
  const wrapped = unwrap(value)
  if (wrapped !== undefined && leaves.has(wrapped.type)) return undefined
  return wrapped === undefined
    ? { type: bareType(field, value), node: value, field, parent, scope, planned }
    : { type: wrapped.type, node: wrapped.node, field, parent, scope, planned }
}

/** Scope of each expression of a WITH: the ones before it, or all of them when it is recursive. */
const withFrames = (clause: Ast, parent: Frame, planned: boolean): { frames: Frame[]; scope: Scope } => {
  const ctes = listOf(clause['ctes'])
  const all: Scope = { names: new Set(ctes.map(cteName)), outer: parent.scope }
  const frames: Frame[] = []
  let before = parent.scope
  for (const cte of ctes) {
    const frame = child(cte, 'ctes', parent, clause['recursive'] === true ? all : before, planned)
    if (frame !== undefined) frames.push(frame)
    before = { names: new Set([cteName(cte)]), outer: before }
  }
  return { frames, scope: all }
}

const children = (frame: Frame): Frame[] => {
  const planned = frame.planned || (frame.type === 'ExplainStmt' && !explainRuns(frame.node))
  const frames: Frame[] = []
  let scope = frame.scope
  const clause = frame.node['withClause']
  if (isAst(clause)) {
    const inner = withFrames(clause, frame, planned)
    frames.push(...inner.frames)
    scope = inner.scope
  }
  for (const [field, value] of Object.entries(frame.node)) {
    if (field === 'withClause') continue
    if (typeof value !== 'object') continue
    for (const item of Array.isArray(value) ? value : [value]) {
      const next = child(item, field, frame, scope, planned)
      if (next !== undefined) frames.push(next)
    }
  }
  return frames
}

/** Visits every node of a statement, outer ones first, in the order of the text. No recursion: depth is bounded by memory only. */
export const walk = (type: string, node: Ast, visit: (frame: Frame) => void): void => {
  const pending: Frame[] = [{ type, node, field: 'stmt', parent: undefined, scope: undefined, planned: false }]
  for (let frame = pending.pop(); frame !== undefined; frame = pending.pop()) {
    visit(frame)
    const next = children(frame)
    for (let index = next.length - 1; index >= 0; index -= 1) {
      const following = next[index]
      if (following !== undefined) pending.push(following)
    }
  }
}
