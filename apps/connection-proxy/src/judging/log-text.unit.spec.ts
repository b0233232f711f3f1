import { expect, test } from '@jest/globals'
import type { Operation, Recognition } from '@sallyport/protocol-kit'
import { loggedStatement } from './log-text.js'
import type { CompiledPlan } from './plans.js'

const text = 'deploy -p hunter2 --to "prod"'
const span = (part: string): readonly [number, number] => [text.indexOf(part), text.indexOf(part) + part.length]
const logged = (ranges: Partial<Recognition>, touchesMasked: boolean): string => {
  const recognition = { class: 'execute', literals: [span('hunter2'), span('"prod"')], ...ranges } as Recognition
  return loggedStatement({ text, recognition } as Operation, { reply: { detection: [], touchesMasked } } as unknown as CompiledPlan)
}

test('what looks like a secret is hidden in the log whatever is touched; other literals only where masked data is', () => {
  expect(logged({}, false)).toBe(text)
  const hidden = logged({ secrets: [span('hunter2')] }, false)
  expect(hidden).not.toContain('hunter2')
  expect(hidden).toContain('--to "prod"')
  const all = logged({ secrets: [span('hunter2')] }, true)
  expect(all).not.toContain('hunter2')
  expect(all).not.toContain('prod')
})

test('ranges that do not fit the text hide all of it', () => {
  expect(logged({ secrets: [[5, 1000]] }, false)).not.toMatch(/hunter2|deploy/)
})
