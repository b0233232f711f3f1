import type { Finder, Way } from '../finder.js'
import { placeholderOf } from '../placeholder.js'
import { createSuspicion, type Suspicion } from './suspicion.js'

/** What all streams under one plan have in common. */
export interface StreamRules {
  readonly find: Finder
  readonly suspicion: Suspicion
  readonly keys: boolean
  ruleOf(by: number): string
  /** What stands for a match. In a stream there is no NULL: that becomes a placeholder. */
  replace(text: string, by: number): string
  /** Whether what replaces a match has as many characters as it. */
  keepsLength(by: number): boolean
}

export const streamRules = (ways: readonly Way[], find: Finder, replacements: readonly ((text: string) => string | null)[]): StreamRules => ({
  find,
  suspicion: createSuspicion(ways),
  keys: ways.some(({ detector }) => detector === 'private_key'),
  ruleOf: (by) => ways[by]!.rule,
  replace: (text, by) => replacements[by]!(text) ?? placeholderOf(ways[by]!.rule),
  keepsLength: (by) => ways[by]!.transform.kind === 'partial',
})
