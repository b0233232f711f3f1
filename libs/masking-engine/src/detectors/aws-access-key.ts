import { eachMatch, whole, type Detector, type Span } from './span.js'
import { eachTokenRun, tokenShape } from './token-runs.js'

/** Long-term, temporary and service-specific ids; principals' ids (AROA…, AIDA…) are no credentials. */
const id = /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])/g
const SECRET_CHARS = 40
/** How far from its id, or from a name that says so, a secret key is looked for, in characters. */
const NEAR_CHARS = 200
const NAME_CHARS = 40
const named = /secret|aws/i
const ENTROPY_MIN = 4.25

/**
 * AWS access key ids, and secret access keys: 40 characters of base 64 near an id or after a name with "secret" or "aws" in it, or which
 * look random by themselves.
 */
export const awsAccessKey: Detector = (text, found) => {
  const ids: Span[] = []
  eachMatch(id, text, whole, ids)
  found.push(...ids)
  let next = 0
  eachTokenRun(text, SECRET_CHARS, (start, to) => {
    // A secret may hold "/", and "/" may stand before it: only a run of exactly the right length is one.
    if (to - start !== SECRET_CHARS) return
    const shape = tokenShape(text, start, to)
    if (shape.hex || shape.classes < 2) return
    while (next < ids.length && ids[next]!.to + NEAR_CHARS < start) next += 1
    const near = next < ids.length && ids[next]!.from - NEAR_CHARS <= to
    if (near || (shape.classes === 3 && shape.entropy >= ENTROPY_MIN) || named.test(text.slice(Math.max(0, start - NAME_CHARS), start))) found.push({ from: start, to })
  })
}
