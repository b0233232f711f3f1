import { describe, expect, it } from '@jest/globals'
import { passThrough, type MaskPlan, type OutputPlan, type SessionHost, type Ticket } from '@sallyport/protocol-kit'
import fc from 'fast-check'
import type { Field } from '../codec/decode.js'
import { int16, int32, message } from '../codec/encode.js'
import { MalformedFrame } from '../codec/malformed.js'
import { textCodec } from '../encodings.js'
import { Command } from '../session/command.js'
import { Outflow } from '../session/outflow.js'
import { oid } from '../values.js'
import { Masker } from './masker.js'

const columns = 4
const row = (values: readonly (Uint8Array | null)[]): Buffer =>
  message(68, int16(values.length), ...values.flatMap((value) => (value === null ? [int32(-1)] : [int32(value.length), Buffer.from(value)])))

const deliver = (outputs: readonly (OutputPlan | undefined)[], types: readonly Field[], encoding: string, chunk: Buffer, ends: readonly number[]): { bytes: Buffer; masked: unknown } => {
  const sent: Buffer[] = []
  const out = new Outflow((piece) => sent.push(Buffer.from(piece)))
  let masked: unknown
  const host = { resultBytesMax: 0, finish: (_: Ticket, outcome: { masked?: unknown }) => { masked = outcome.masked } } as unknown as SessionHost
  const command = new Command(host, {} as Ticket, { relations: [], columns: [], everything: false, opaque: false }, false)
  const plan: MaskPlan = { outputs, freeText: (text) => text, touchesMasked: true, passesAll: false, stream: passThrough }
  const masker = new Masker(plan, types, textCodec(encoding))
  let start = 0
  for (const end of ends) {
    masker.deliver(chunk, start, end, out, command)
    start = end
  }
  out.flush()
  command.finish('completed')
  expect(command.bytesOut).toBe(Buffer.concat(sent).length)
  return { bytes: Buffer.concat(sent), masked }
}

const type = fc.constantFrom(oid.int4, oid.text, oid.bytea, oid.json, oid.jsonb, oid.date, 1009, 99_999)
const field = fc.record({ type, format: fc.constantFrom(0, 1) }).map((facts): Field => ({ name: 'f', table: 1, attribute: 1, ...facts }))
const constant = fc.option(fc.constantFrom<string | null>('[masked]', '0', 'äöü', '', 'x'.repeat(300), null), { nil: undefined })
const value = fc.option(fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.uint8Array({ maxLength: 300 })), { nil: null })
const rows = fc.array(fc.array(value, { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 60 })

const scene = fc.record({
  types: fc.array(field, { minLength: columns, maxLength: columns }),
  constants: fc.array(constant, { minLength: columns, maxLength: columns }),
  encoding: fc.constantFrom('UTF8', 'LATIN1', 'WIN1252', 'JOHAB'),
  rows,
})

/** The same masking twice: known to be the same for every value, and not known to be. */
const plansOf = (constants: readonly (string | null | undefined)[]): readonly (readonly (OutputPlan | undefined)[])[] =>
  [true, false].map((known) => constants.map((text) => (text === undefined ? undefined : { kind: 'column', mask: { rule: 'r', apply: () => text, ...(known ? { constant: text } : {}) } })))

describe('columns that become one value', () => {
  it('are delivered as if each value were masked', () => {
    fc.assert(fc.property(scene, ({ types, constants, encoding, rows: values }) => {
      const frames = values.map(row)
      const ends = frames.map((_, index) => frames.slice(0, index + 1).reduce((sum, frame) => sum + frame.length, 0))
      const [fast, slow] = plansOf(constants).map((outputs) => deliver(outputs, types, encoding, Buffer.concat(frames), ends))
      expect(fast).toEqual(slow)
    }))
  })

  it('never follow a length that lies', () => {
    fc.assert(fc.property(scene, fc.nat(), fc.integer(), ({ types, constants, encoding, rows: [values] }, where, lie) => {
      const frame = row(values ?? [])
      frame.writeInt32BE(lie, 5 + (where % (frame.length - 8)))
      const attempt = (outputs: readonly (OutputPlan | undefined)[]): unknown => {
        try {
          return deliver(outputs, types, encoding, frame, [frame.length])
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedFrame)
          return 'refused'
        }
      }
      const [fast, slow] = plansOf(constants).map(attempt)
      expect(fast).toEqual(slow)
    }))
  })
})
