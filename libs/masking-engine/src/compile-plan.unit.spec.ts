import { createHmac } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import type { MaskPlanReply, Transform } from '@sallyport/contracts/masking'
import { containsPlaceholder, PLACEHOLDER_PATTERN } from '@sallyport/protocol-kit'
import { compilePlan } from './index.js'

const hashKey = Buffer.from('a key of thirty-two bytes, or so').toString('base64')
const reply = (parts: Partial<MaskPlanReply>): MaskPlanReply => ({ revision: 1, outputs: [{ kind: 'pass' }], detection: [], touchesMasked: false, columnRules: true, hashKey, ...parts })
const column = (transform: Transform, value: string, key = hashKey) => compilePlan(reply({ hashKey: key, outputs: [{ kind: 'mask', rule: 'pii', transform }] })).outputs[0]?.mask.apply(value)
const detection = (rule: string, detectors: MaskPlanReply['detection'][number]['detectors'], transform: Transform = { kind: 'redact' }) => ({ rule, detectors, patterns: [], transform })

describe('transforms of whole columns', () => {
  test('redact is a placeholder that names the rule and can be recognised', () => {
    expect(column({ kind: 'redact' }, 'alice@example.com')).toBe('[masked:pii]')
    expect(containsPlaceholder('update t set a = \'[masked:pii]\'')).toBe(true)
    expect(containsPlaceholder('update t set a = \'[mask]\'')).toBe(false)
  })

  test.each<[Transform, string | null | undefined]>([[{ kind: 'redact' }, '[masked:pii]'], [{ kind: 'null' }, null], [{ kind: 'hash' }, undefined], [{ kind: 'partial', keep: 4 }, undefined]])('%j: what it makes of every value is known beforehand, or it depends on the value', (transform, constant) => {
    const mask = compilePlan(reply({ outputs: [{ kind: 'mask', rule: 'pii', transform }] })).outputs[0]?.mask
    expect(mask?.constant).toBe(constant)
    const results = ['', 'a', 'long and longer'].map((value) => mask?.apply(value))
    expect(new Set(results).size).toBe(constant === undefined ? 3 : 1)
    if (constant !== undefined) expect(results[0]).toBe(constant)
  })

  test('null nulls, and empty texts are masked too', () => {
    expect(column({ kind: 'null' }, 'x')).toBeNull()
    expect(column({ kind: 'redact' }, '')).toBe('[masked:pii]')
  })

  test.each([
    [4, '4111111111111111', '************1111'],
    [4, '12345678', '*****678'],
    [4, '123', '**3'],
    [4, '12', '**'],
    [4, '1', '*'],
    [2, 'añ😀😀z', '***😀z'],
    [1, 'ab😀', '**😀'],
  ])('partial keeps the last %i of %j, and less than half: %j', (keep, value, expected) => {
    expect(column({ kind: 'partial', keep }, value)).toBe(expected)
  })

  test('hashes join under one key and differ under another', () => {
    const one = column({ kind: 'hash' }, 'alice')
    expect(one).toBe(`[hash:${createHmac('sha256', Buffer.from(hashKey, 'base64')).update('alice').digest().subarray(0, 16).toString('base64url')}]`)
    expect(containsPlaceholder(one ?? '')).toBe(true)
    expect(column({ kind: 'hash' }, 'alice')).toBe(one)
    expect(column({ kind: 'hash' }, 'alicf')).not.toBe(one)
    expect(column({ kind: 'hash' }, 'alice', Buffer.from('another').toString('base64'))).not.toBe(one)
  })
})

describe('content detection', () => {
  test('only what is found is replaced; a text without finds is not touched', () => {
    const { outputs } = compilePlan(reply({ detection: [detection('pii', ['email'])] }))
    expect(outputs[0]?.kind).toBe('content')
    expect(outputs[0]?.mask.apply('  mail bob@example.com, or eve@example.com \n')).toBe('  mail [masked:pii], or [masked:pii] \n')
    expect(outputs[0]?.mask.apply('no address')).toBeUndefined()
  })

  test('the strictest rule wins for the same detector and where finds overlap', () => {
    const plan = compilePlan(reply({ detection: [detection('weak', ['email'], { kind: 'partial', keep: 4 }), detection('strong', ['email'])] }))
    expect(plan.outputs[0]?.mask.apply('bob@example.com')).toBe('[masked:strong]')
    const overlapping = compilePlan(reply({ detection: [detection('a', ['email'], { kind: 'hash' }), { rule: 'b', detectors: [], patterns: [{ name: 'host', pattern: 'example\\.com/[a-z]+' }], transform: { kind: 'redact' } }] }))
    expect(overlapping.outputs[0]?.mask.apply('to bob@example.com/inbox!')).toBe('to [masked:b]!')
  })

  test('the rule that hit is named, and a find under null nulls the field', () => {
    const mask = compilePlan(reply({ detection: [detection('mails', ['email']), detection('cards', ['credit_card'], { kind: 'null' })] })).outputs[0]?.mask
    expect([mask?.apply('bob@example.com'), mask?.rule]).toEqual(['[masked:mails]', 'mails'])
    expect([mask?.apply('bob@example.com 4111111111111111'), mask?.rule]).toEqual([null, 'cards'])
  })

  test('a plan that has nothing to do passes everything', () => {
    const plan = compilePlan(reply({ outputs: [{ kind: 'pass' }, { kind: 'pass' }] }))
    expect(plan.passesAll).toBe(true)
    expect(plan.outputs).toEqual([undefined, undefined])
    expect(compilePlan(reply({ outputs: [{ kind: 'pass' }, { kind: 'mask', rule: 'a', transform: { kind: 'null' } }] })).passesAll).toBe(false)
  })
})

describe('free text', () => {
  const touching = compilePlan(reply({ touchesMasked: true, detection: [detection('cards', ['credit_card'], { kind: 'null' })] }))
  const clean = compilePlan(reply({ detection: [detection('mails', ['email'])] }))
  test.each([
    ['duplicate key value violates unique constraint "customers_email_key"', 'duplicate key value violates unique constraint "[masked]"'],
    ['Key (email)=(x) already exists.', 'Key ([masked]) already exists.'],
    ['Key (email)=(a)b) already exists.', 'Key ([masked]) already exists.'],
    ['invalid input syntax for type integer: "a"b"', 'invalid input syntax for type integer: [masked]'],
    ['value "a"b" is out of range', 'value "[masked]" is out of range'],
    ['Failing row contains (1, alice, null).', 'Failing row contains ([masked]).'],
    ['Failing row contains (1, ali', 'Failing row contains ([masked]'],
    ['Token "alice" is invalid.', 'Token "[masked]" is invalid.'],
    ['JSON data, line 1: alice...', 'JSON data, line 1: [masked]'],
    ['Schlüssel »(email)=(x)« existiert bereits.', 'Schlüssel »[masked]« existiert bereits.'],
    ['function lower(integer) does not exist', 'function lower(integer) does not exist'],
    ['division by zero', 'division by zero'],
  ])('%s', (text, expected) => {
    expect(touching.freeText(text)).toBe(expected)
  })

  test('finds are replaced in it, a nulled one by the placeholder; what touches nothing keeps its quotes', () => {
    expect(touching.freeText('card 4111111111111111 is bad')).toBe('card [masked:cards] is bad')
    expect(clean.freeText('relation "a" for bob@example.com')).toBe('relation "a" for [masked:mails]')
    expect(clean.freeText('relation "a" does not exist')).toBe('relation "a" does not exist')
  })
})

test('the placeholder pattern is anchored to nothing, so that it finds placeholders within values', () => {
  expect('x[masked]y'.match(PLACEHOLDER_PATTERN)?.[0]).toBe('[masked]')
})
