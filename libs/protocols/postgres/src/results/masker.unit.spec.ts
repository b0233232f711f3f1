import { describe, expect, it } from '@jest/globals'
import type { MaskPlan, OutputPlan, SessionHost, Ticket } from '@sallyport/protocol-kit'
import { passThrough } from '@sallyport/protocol-kit'
import type { Field } from '../codec/decode.js'
import { int16, int32, message } from '../codec/encode.js'
import { MalformedFrame } from '../codec/malformed.js'
import { textCodec } from '../encodings.js'
import { oid } from '../values.js'
import { Command } from '../session/command.js'
import { Outflow } from '../session/outflow.js'
import { Masker } from './masker.js'

const row = (...values: readonly (string | Buffer | null)[]): Buffer =>
  message(68, int16(values.length), ...values.flatMap((value) => (value === null ? [int32(-1)] : [int32(Buffer.from(value).length), Buffer.from(value)])))

const plan = (outputs: readonly (OutputPlan | undefined)[]): MaskPlan => ({ outputs, freeText: (text) => text, touchesMasked: true, passesAll: false, stream: passThrough })
const field = (type: number, format = 0): Field => ({ name: 'f', table: 1, attribute: 1, type, format })
const to = (value: string | null | undefined, kind: OutputPlan['kind'] = 'column'): OutputPlan => ({ kind, mask: { rule: 'r', apply: () => value } })

const rewrite = (fields: readonly Field[], outputs: readonly (OutputPlan | undefined)[], bytes: Buffer, encoding = 'UTF8'): Buffer | undefined => {
  const sent: Uint8Array[] = []
  const out = new Outflow((piece) => sent.push(piece))
  const command = new Command({ resultBytesMax: 0 } as SessionHost, {} as Ticket, { relations: [], columns: [], everything: false, opaque: false }, false)
  new Masker(plan(outputs), fields, textCodec(encoding)).deliver(bytes, 0, bytes.length, out, command)
  out.flush()
  expect(command.bytesOut).toBe(Buffer.concat(sent).length)
  const result = Buffer.concat(sent)
  return result.equals(bytes) ? undefined : result
}

describe('rewriting rows', () => {
  it('changes the masked fields only', () => {
    expect(rewrite([field(oid.int4), field(oid.text), field(oid.text)], [undefined, to('***'), undefined], row('1', 'secret', 'tail'))).toEqual(row('1', '***', 'tail'))
    expect(rewrite([field(oid.text), field(oid.text)], [to('äö'), to(null)], row('a', 'b'))).toEqual(row('äö', null))
  })

  it('says when nothing changed, and leaves NULL alone', () => {
    expect(rewrite([field(oid.text)], [to(undefined, 'content')], row('a'))).toBeUndefined()
    expect(rewrite([field(oid.text)], [to('***')], row(null))).toBeUndefined()
  })

  it.each([
    ['int4 text', field(oid.int4), '12', row(null)],
    ['date text', field(oid.date), '2000-01-01', row(null)],
    ['int4 binary', field(oid.int4, 1), Buffer.from([0, 0, 0, 1]), row(null)],
    ['text array binary', field(1009, 1), Buffer.from('whatever'), row(null)],
    ['jsonb text', field(oid.jsonb), '{}', row('"***"')],
    ['jsonb binary', field(oid.jsonb, 1), Buffer.from('\x01{}'), row('\x01"***"')],
    ['varchar binary', field(oid.varchar, 1), Buffer.from('x'), row('***')],
    ['an extension type in text', field(99_999), 'x', row('***')],
    ['an extension type in binary', field(99_999, 1), Buffer.from('x'), row(null)],
  ])('never lets a masked %s through', (_, type, value, expected) => {
    expect(rewrite([type], [to('***')], row(value))).toEqual(expected)
  })

  it('keeps a number that is still a number', () => {
    expect(rewrite([field(oid.int4)], [to('0')], row('12'))).toEqual(row('0'))
  })

  it('looks for content in bytes too', () => {
    const find: OutputPlan = { kind: 'content', mask: { rule: 'r', apply: (value) => (value.includes('a@b.c') ? '[mail]' : undefined) } }
    expect(rewrite([field(oid.bytea)], [find], row(`\\x${Buffer.from('hi a@b.c').toString('hex')}`))).toEqual(row(null))
    expect(rewrite([field(oid.bytea, 1)], [find], row(Buffer.from('hi a@b.c')))).toEqual(row(null))
    expect(rewrite([field(1009, 1)], [find], row(Buffer.from('\0\0\0\x01a@b.c')))).toEqual(row(null))
    expect(rewrite([field(oid.bytea)], [find], row('\\x0102'))).toBeUndefined()
  })

  it('reads other encodings, and nulls what it cannot read', () => {
    const upper: OutputPlan = { kind: 'content', mask: { rule: 'r', apply: (value) => (value === 'é' ? '***' : undefined) } }
    expect(rewrite([field(oid.text)], [upper], row(Buffer.from([0xe9])), 'LATIN1')).toEqual(row('***'))
    expect(rewrite([field(oid.text)], [to('é')], row(Buffer.from([0x61])), 'WIN1252')).toEqual(row(null))
    expect(rewrite([field(oid.text)], [upper], row('x'), 'JOHAB')).toEqual(row(null))
  })

  it('survives lengths that lie', () => {
    const bytes = row('secret')
    bytes.writeInt32BE(1000, 7)
    expect(() => rewrite([field(oid.text)], [to('***')], bytes)).toThrow(MalformedFrame)
    expect(() => rewrite([field(oid.text), field(oid.text)], [to('***')], row('a'))).toThrow(MalformedFrame)
  })
})
