import { expect, test } from '@jest/globals'
import ssh2 from 'ssh2'
import { readable } from './server-keys.js'

test('a host key is one that can be read again: not every one that the library makes can', () => {
  const good = (): string => {
    for (;;) {
      const { private: key } = ssh2.utils.generateKeyPairSync('ed25519')
      if (!(ssh2.utils.parseKey(key) instanceof Error)) return key
    }
  }
  const [first, second] = [good(), good()]
  const lines = first.split('\n')
  const broken = [lines[0], lines[1]!.slice(4), ...lines.slice(2)].join('\n')
  const made = [broken, second]
  expect(readable(() => made.shift()!)).toBe(second)
  expect(() => readable(() => broken)).toThrow(/no host key/)
})
