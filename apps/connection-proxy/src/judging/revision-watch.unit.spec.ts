import { createSecretKey } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { keyedDigest } from './digest.js'
import { RevisionWatch } from './revision-watch.js'

const at = { ms: 0 }
const watch = () => {
  at.ms = 0
  return new RevisionWatch(() => at.ms)
}

test('nothing counts before the first heartbeat', () => {
  expect(watch().current(0)).toBe(false)
})

test('an answer counts while a heartbeat naming its revision is at most a second old', () => {
  const revisions = watch()
  revisions.heard(3)
  at.ms = 1000
  expect(revisions.current(3)).toBe(true)
  at.ms = 1001
  expect(revisions.current(3)).toBe(false)
})

test('a newer revision ends the older at once, and a replica that lags does not revive it', () => {
  const revisions = watch()
  revisions.heard(3)
  revisions.heard(4)
  expect(revisions.current(3)).toBe(false)
  at.ms = 900
  revisions.heard(3)
  at.ms = 1100
  expect(revisions.current(4)).toBe(false)
  expect(revisions.notOutdated(3)).toBe(false)
})

test('digests are keyed and no two lists of parts collide', () => {
  const key = createSecretKey(Buffer.alloc(32, 1))
  expect(keyedDigest(key, ['ab', 'c'])).not.toBe(keyedDigest(key, ['a', 'bc']))
  expect(keyedDigest(key, ['abc'])).not.toBe(keyedDigest(createSecretKey(Buffer.alloc(32, 2)), ['abc']))
  expect(keyedDigest(key, [Buffer.from('abc')])).toBe(keyedDigest(key, ['abc']))
})
