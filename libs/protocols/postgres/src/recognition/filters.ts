import { type Ast, isAst, listOf, namesOf, nodeOf, unwrap } from './nodes.js'

/** How deep conditions are looked into; deeper ones count as no condition. */
const depthMax = 12
/** How many nodes are searched for a column reference. */
const nodesMax = 100_000

/** Whether a column is named anywhere in it. */
export const readsColumn = (condition: unknown): boolean => {
  const pending: unknown[] = [condition]
  for (let seen = 0; pending.length > 0 && seen < nodesMax; seen += 1) {
    const value = pending.pop()
    if (Array.isArray(value)) {
      for (const item of value) pending.push(item)
      continue
    }
    if (!isAst(value)) continue
    if ('ColumnRef' in value || 'CurrentOfExpr' in value) return true
    for (const item of Object.values(value)) if (typeof item === 'object') pending.push(item)
  }
  return false
}

const alwaysTrueOfItself = { plain: new Set(['=', '>=', '<=', '~~', '~~*']), negated: new Set(['<>', '!=', '<', '>', '!~~', '!~~*']) }

const sameColumn = (left: unknown, right: unknown): boolean => {
  const [one, other] = [nodeOf(left, 'ColumnRef'), nodeOf(right, 'ColumnRef')].map((reference) => namesOf(reference?.['fields']))
  if (one === undefined || other === undefined || one.length === 0 || one.at(-1) !== other.at(-1)) return false
  return one.length === 1 || other.length === 1 || one.join('.') === other.join('.')
}

/**
 * Whether a condition can leave rows out: it depends on a column, is no comparison of a column with itself, and has no
 * alternative that always holds. A condition that is true of every row by its content (`id > 0`) isn't told apart.
 */
export const filters = (condition: unknown, negated = false, depth = 0): boolean => {
  if (condition === undefined || depth > depthMax) return false
  const typed = unwrap(condition)
  if (typed?.type === 'BoolExpr') {
    const { boolop, args } = typed.node
    if (boolop === 'NOT_EXPR') return filters(listOf(args)[0], !negated, depth + 1)
    const alternatives = (boolop === 'OR_EXPR') !== negated
    return alternatives ? listOf(args).every((part) => filters(part, negated, depth + 1)) : listOf(args).some((part) => filters(part, negated, depth + 1))
  }
  if (typed?.type === 'A_Expr' && sameColumn(typed.node['lexpr'], typed.node['rexpr'])) {
    return !alwaysTrueOfItself[negated ? 'negated' : 'plain'].has(namesOf(typed.node['name']).at(-1) ?? '')
  }
  return readsColumn(condition)
}

/** Whether a LIMIT limits: NULL and ALL don't. */
export const limits = (select: Ast): boolean => {
  const count = select['limitCount']
  return count !== undefined && nodeOf(count, 'A_Const')?.['isnull'] !== true
}
