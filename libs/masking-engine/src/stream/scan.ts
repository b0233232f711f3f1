import type { Finder } from '../finder.js'
import { joinHits, type Hit } from '../spans.js'
import { byteAt, byteBefore, viewOf, type View } from './view.js'

/** What was found in some bytes. `hits` are byte ranges, joined; `inner` those found with control sequences taken as text. */
export interface Found {
  readonly view: View
  readonly hits: readonly Hit[]
  readonly inner: readonly Hit[]
}

const inBytes = (view: View, hits: readonly Hit[]): Hit[] => hits.map(({ from, to, by }) => ({ from: byteAt(view, from), to: byteBefore(view, to), by }))
const nothing: readonly Hit[] = []

/**
 * Looks through bytes `[from, to)` twice where there are control sequences: as a terminal shows them, and as a program that doesn't know
 * such sequences reads them.
 */
export const scan = (find: Finder, bytes: Buffer, from: number, to: number): Found => {
  const view = viewOf(bytes, from, to, 'skip')
  const seen = find(view.text)
  const shown = seen === undefined ? nothing : inBytes(view, seen)
  if (view.map === undefined || (view.controls.length === 0 && !bytes.subarray(from, to).includes(0x08))) return { view, hits: shown, inner: nothing }
  const raw = viewOf(bytes, from, to, 'keep')
  const inside = find(raw.text)
  if (inside === undefined) return { view, hits: shown, inner: nothing }
  const inner = inBytes(raw, inside)
  return { view, hits: joinHits([...shown, ...inner]), inner }
}
