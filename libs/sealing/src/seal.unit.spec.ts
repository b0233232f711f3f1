import { expect, test } from '@jest/globals'
import { generateSealingKey, seal, unseal } from './index.js'

const secret = 'p√ss word'

test('opens with any of the recipients\' keys and the same context', async () => {
  const [first, second] = [await generateSealingKey(), await generateSealingKey()]
  const sealed = await seal(secret, [first.publicKey, second.publicKey], 'for a')
  expect(sealed).not.toContain(secret)
  await expect(unseal(sealed, [first.privateKey], 'for a')).resolves.toBe(secret)
  await expect(unseal(sealed, [second.privateKey], 'for a')).resolves.toBe(secret)
})

test('refuses another context, another key, a change, and nonsense', async () => {
  const [key, other] = [await generateSealingKey(), await generateSealingKey()]
  const sealed = await seal(secret, [key.publicKey], 'for a')
  await expect(unseal(sealed, [key.privateKey], 'for b')).rejects.toMatchObject({ code: 'sealing' })
  await expect(unseal(sealed, [other.privateKey], 'for a')).rejects.toMatchObject({ code: 'sealing' })
  const jwe = JSON.parse(Buffer.from(sealed, 'base64url').toString()) as { aad: string; ciphertext: string }
  const moved = Buffer.from(JSON.stringify({ ...jwe, aad: Buffer.from('for b').toString('base64url') })).toString('base64url')
  await expect(unseal(moved, [key.privateKey], 'for b')).rejects.toMatchObject({ code: 'sealing' })
  const changed = Buffer.from(JSON.stringify({ ...jwe, ciphertext: `A${jwe.ciphertext.slice(1)}` === jwe.ciphertext ? `B${jwe.ciphertext.slice(1)}` : `A${jwe.ciphertext.slice(1)}` })).toString('base64url')
  await expect(unseal(changed, [key.privateKey], 'for a')).rejects.toMatchObject({ code: 'sealing' })
  await expect(unseal('nonsense', [key.privateKey], 'for a')).rejects.toMatchObject({ code: 'sealing' })
  await expect(seal('x'.repeat(16_000), [key.publicKey], 'for a')).rejects.toMatchObject({ code: 'sealing' })
  await expect(seal(secret, [], 'for a')).rejects.toMatchObject({ code: 'sealing' })
})
