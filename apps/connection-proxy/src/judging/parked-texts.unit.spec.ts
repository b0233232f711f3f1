import { expect, test } from '@jest/globals'
import { EXACT_BYTES_MAX, PARKED_BYTES_MAX, ParkedTexts } from './parked-texts.js'

const exact = (text: string, parameters: (string | null)[] = []) => ({ text, parameters, digest: 'd' })

test('a parked text is there until it is decided or too late', () => {
  const texts = new ParkedTexts()
  texts.keep('ap_1', exact('delete from a'), 100, 0)
  texts.keep('ap_2', exact('delete from b'), 200, 0)
  expect(texts.get('ap_1', 99)).toEqual(exact('delete from a'))
  expect(texts.get('ap_1', 100)).toBeUndefined()
  texts.forget('ap_2')
  expect(texts.get('ap_2', 1)).toBeUndefined()
})

test('what is kept is bounded: the oldest go first, one that is too long is not kept', () => {
  const texts = new ParkedTexts()
  const half = EXACT_BYTES_MAX / 2
  texts.keep('ap_long', exact('x', ['é'.repeat(half)]), 100, 0)
  expect(texts.get('ap_long', 0)).toBeUndefined()
  const fit = PARKED_BYTES_MAX / EXACT_BYTES_MAX
  for (let index = 0; index <= fit; index += 1) texts.keep(`ap_${index}`, exact('x'.repeat(half), ['y'.repeat(half), null]), 100, 0)
  expect(texts.get('ap_0', 0)).toBeUndefined()
  expect(texts.get('ap_1', 0)).toBeDefined()
  expect(texts.get(`ap_${fit}`, 0)).toBeDefined()
  // What has ended makes room before anything else does.
  texts.keep('ap_new', exact('x'), 300, 200)
  expect(texts.get('ap_1', 50)).toBeUndefined()
})
