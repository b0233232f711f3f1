import { createHash } from 'node:crypto'
import type { Word } from './model.js'
import type { Group } from './unfold.js'

/** A word without its constants: what is quoted becomes `?`, a number `0`, an expansion `$`. */
const shape = ({ kind, text, source }: Word, first: boolean): string => {
  if (kind === 'dynamic') return `${text}$`
  if (!first && /^["']/.test(source)) return '?'
  return text.replace(/\d+/g, '0')
}

/**
 * Equal for texts that differ only in quoted words and in numbers; programs, options, unquoted words and redirections stay. It groups commands in
 * lists and statistics. Nothing is decided by it: two texts of one fingerprint can do different harm.
 */
export const fingerprintOf = (groups: readonly Group[]): string => {
  const shapes = groups.map(({ command, outermost }) => [
    outermost, command.background, command.piped, command.assignments.map(({ name }) => name), command.words.map((word, index) => shape(word, index === 0)),
    command.redirections.map(({ operator, target }) => [operator, target === undefined ? '' : shape(target, true)]),
  ])
  return `sh:${createHash('sha256').update(JSON.stringify(shapes)).digest('hex').slice(0, 32)}`
}
