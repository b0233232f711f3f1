import type { Span } from './detectors/span.js'

/** A range to replace; `by` says by what, as an index into the caller's list in which a lower index wins where ranges overlap. */
export interface Hit extends Span {
  readonly by: number
}

/** Sorts, and joins overlapping ranges into one under the winning index. */
export const joinHits = (hits: Hit[]): Hit[] => {
  hits.sort((a, b) => a.from - b.from || b.to - a.to)
  const joined: Hit[] = []
  for (const hit of hits) {
    const last = joined.at(-1)
    if (last === undefined || hit.from >= last.to) joined.push(hit)
    else joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, hit.to), by: Math.min(last.by, hit.by) }
  }
  return joined
}

/** Replaces joined ranges and keeps everything else as it is. */
export const replaceHits = (text: string, hits: readonly Hit[], replacement: (part: string, by: number) => string): string => {
  let result = ''
  let index = 0
  for (const { from, to, by } of hits) {
    result += text.slice(index, from) + replacement(text.slice(from, to), by)
    index = to
  }
  return result + text.slice(index)
}
