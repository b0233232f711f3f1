import { strictness, type Effect, type Recognition, type Touches } from '@sallyport/protocol-kit'
import type { PostgresDetail, StatementDetail } from '../recognition/index.js'

/** The recognition's own findings; nothing is known of an unrecognised text. */
export const statementsOf = (recognition: Recognition): readonly StatementDetail[] => {
  const detail = recognition.detail as PostgresDetail | undefined | null
  return detail?.statements ?? []
}

const union = (left: Touches, right: Touches): Touches => ({
  relations: [...left.relations, ...right.relations],
  columns: [...new Set([...left.columns, ...right.columns])],
  everything: left.everything || right.everything,
  opaque: left.opaque || right.opaque,
})

const strictest = (effects: readonly Effect[]): Effect => effects.reduce((worst, effect) => (strictness[effect.class] > strictness[worst.class] ? effect : worst))

/** Both meanings at once: whatever either does. */
export const bothOf = (left: Recognition, right: Recognition): Recognition => {
  const effects = [...left.effects, ...right.effects]
  const worst = strictest(effects)
  return {
    effects,
    action: worst.action,
    class: worst.class,
    fingerprint: `${left.fingerprint}+${right.fingerprint}`,
    provenRead: left.provenRead && right.provenRead,
    alwaysAllowed: left.alwaysAllowed && right.alwaysAllowed,
    touches: union(left.touches, right.touches),
    literals: left.literals,
    detail: left.detail,
    ...(left.problem === undefined ? {} : { problem: left.problem }),
  }
}

const indirect: ReadonlySet<string> = new Set(['sql.execute', 'sql.fetch'])

/**
 * What a text does whose EXECUTE and FETCH run things that were defined before. `targets` are those things; the text's own
 * `sql.execute` and `sql.fetch` effects only name them, and give way to theirs.
 */
export const withTargets = (own: Recognition, targets: readonly Recognition[]): Recognition => {
  if (targets.length === 0) return own
  const rest = own.effects.filter((effect) => !indirect.has(effect.action) || effect.facts['explainAnalyze'] === true)
  const onlyIndirect = rest.length === 0
  const touches = targets.reduce((sum, target) => union(sum, target.touches), onlyIndirect ? { ...own.touches, opaque: false, everything: false } : own.touches)
  const fetches = own.effects.filter((effect) => effect.action === 'sql.fetch')
  const effects = [...rest, ...targets.flatMap((target) => target.effects), ...fetches]
  const worst = strictest(effects)
  return {
    ...own,
    effects,
    action: worst.action,
    class: worst.class,
    fingerprint: [own.fingerprint, ...targets.map((target) => target.fingerprint)].join('+'),
    provenRead: (own.provenRead || onlyIndirect) && targets.every((target) => target.provenRead),
    alwaysAllowed: own.alwaysAllowed && targets.every((target) => target.alwaysAllowed),
    touches,
  }
}
