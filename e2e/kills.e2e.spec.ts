import { randomInt } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { runKills } from './faults/kills.js'

/**
 * `SALLYPORT_KILLS=200` makes it the long version, `SALLYPORT_SEED` repeats a run. See e2e/faults/README.md.
 */
const kills = Number(process.env['SALLYPORT_KILLS'] ?? 10)
const seed = Number(process.env['SALLYPORT_SEED'] ?? randomInt(2 ** 31))
const TIMEOUT_MS = 120_000 + kills * 20_000

test(`what the target ran is in the log, across ${kills} kills (seed ${seed})`, async () => {
  const result = await runKills({ seed, kills, ...(kills > 50 ? { say: (line: string) => void process.stderr.write(`${line}\n`) } : {}) })
  process.stderr.write(`${JSON.stringify(result, undefined, 2)}\n`)
  expect({ seed, faults: result.faults }).toEqual({ seed, faults: [] })
  expect(Object.values(result.kills).reduce((sum, count) => sum + count, 0)).toBe(kills)
  for (const count of [result.counts['succeeded'], result.counts['maskedReads'], result.counts['executed']]) expect(count).toBeGreaterThan(0)
}, TIMEOUT_MS)
