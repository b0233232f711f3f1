import type { Hit } from '../spans.js'
import type { Found } from './scan.js'
import type { StreamRules } from './stream-rules.js'
import { unitAt } from './view.js'

/** A match, or its rest, as it goes out. `continues`: what stands for it went out already. */
const shownFor = (rules: StreamRules, bytes: Buffer, { view }: Found, { from, to, by }: Hit, sent: number, continues: boolean): string => {
  const first = unitAt(view, from)
  const seen = view.text.slice(first, unitAt(view, to))
  const text = seen === '' ? bytes.toString('utf8', from, to) : seen
  if (from >= sent) return rules.replace(text, by)
  const rest = [...text.slice(Math.max(0, unitAt(view, sent) - first))].length
  if (continues) return rules.keepsLength(by) ? '*'.repeat(rest) : ''
  const shown = rules.replace(text, by)
  return rules.keepsLength(by) ? [...shown].slice(-rest).join('') : shown
}

/** Control sequences within `[from, to)`, but for those that carry something secret themselves. */
export const controlsWithin = (bytes: Buffer, found: Pick<Found, 'view' | 'inner'>, from: number, to: number, out: Uint8Array[]): void => {
  for (const control of found.view.controls) {
    if (control.from < from || control.to > to) continue
    if (found.inner.some((hit) => hit.from < control.to && hit.to > control.from && (control.text || (hit.from > control.from && hit.to < control.to)))) continue
    out.push(Buffer.from(bytes.subarray(control.from, control.to)))
  }
}

/**
 * Puts bytes `[sent, to)` out with the finds masked: what stands for a match comes first, then the control sequences that were in it.
 * `inMask`: the byte before `sent` was masked. `copy`: the bytes will be overwritten. Answers whether the last byte was masked.
 */
export const emit = (rules: StreamRules, bytes: Buffer, found: Found, range: { readonly sent: number; readonly to: number; readonly inMask: boolean; readonly copy: boolean }, counts: Map<string, number>, out: Uint8Array[]): boolean => {
  const plain = (from: number, to: number): void => {
    if (to > from) out.push(range.copy ? Buffer.from(bytes.subarray(from, to)) : bytes.subarray(from, to))
  }
  let at = range.sent
  let masked = false
  for (const hit of found.hits) {
    if (hit.to <= at || hit.from >= range.to) continue
    const continues = range.inMask && hit.from < range.sent
    const from = Math.max(hit.from, range.sent)
    plain(at, from)
    const shown = shownFor(rules, bytes, found, hit, range.sent, continues)
    if (shown !== '') out.push(Buffer.from(shown))
    controlsWithin(bytes, found, from, hit.to, out)
    if (!continues) counts.set(rules.ruleOf(hit.by), (counts.get(rules.ruleOf(hit.by)) ?? 0) + 1)
    at = hit.to
    masked = hit.to >= range.to
  }
  plain(at, range.to)
  return masked
}
