import { describe, expect, it } from '@jest/globals'
import { controlSubject, encodeBatch, eventSchema, sessionSubject } from '@sallyport/contracts/events'
import { readMessage } from './read-message.js'

const valid = { specversion: '1.0', id: '01976b2e-0000-7000-8000-000000000001', source: 's', type: 'sallyport.command.requested.v1', subject: 'cmd', time: '2026-11-22T10:00:00.123Z', session: 'ses_1', sequence: '000000000007', data: { a: 1 } }
const read = (subject: string, ...events: unknown[]) => readMessage(subject, Buffer.from(encodeBatch(events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event))))))

describe('readMessage', () => {
  it('cuts a batch into its events, byte for byte', () => {
    const texts = [JSON.stringify(valid), `{ ${JSON.stringify({ ...valid, data: { text: 'ä \n,\n ]' } }).slice(1)}`]
    const { events, poison } = read(sessionSubject('px', 3), ...texts)
    expect(poison).toEqual([])
    expect(events.map((event) => event.body.toString('utf8'))).toEqual(texts)
    expect(events[0]).toMatchObject({ origin: { kind: 'proxy', proxy: 'px' }, session: 'ses_1', sequence: 7, time: Date.UTC(2026, 10, 22, 10, 0, 0, 123), data: { a: 1 } })
  })

  it.each([
    ['specversion', '0.3'], ['id', 'x'], ['id', 7], ['source', undefined], ['source', 'a\u0000b'], ['source', 'x'.repeat(201)], ['type', 'sallyport.x'], ['type', `sallyport.${'a'.repeat(300)}.b.v1`],
    ['type', null], ['subject', 1], ['time', 'yesterday'], ['time', '2026-13-01T00:00:00Z'], ['sequence', 7], ['sequence', '7'], ['data', null], ['data', []], ['data', 'x'],
  ])('refuses an envelope whose %s is %j', (field, value) => {
    const { events, poison } = read(sessionSubject('px', 0), { ...valid, [field]: value }, valid)
    expect(events).toHaveLength(1)
    expect(poison).toMatchObject([{ reason: 'envelope', detail: field }])
  })

  it('takes what the contract\'s schema takes', () => {
    for (const event of [valid, { ...valid, extra: 1 }, { ...valid, time: '2026-11-22T10:00:00Z' }]) {
      expect(eventSchema.safeParse(event).success).toBe(true)
      expect(read(sessionSubject('px', 0), event).events).toHaveLength(1)
    }
  })

  it.each([
    ['a session\'s event without session', sessionSubject('px', 0), { ...valid, session: undefined }],
    ['number 0 of a session', sessionSubject('px', 0), { ...valid, sequence: '000000000000' }],
    ['a session with signs', sessionSubject('px', 0), { ...valid, session: 'a b' }],
    ['an approval from a proxy', sessionSubject('px', 0), { ...valid, type: 'sallyport.approval.approved.v1' }],
    ['a command from a service', controlSubject('approval'), { ...valid, session: undefined }],
    ['an approval from masking', controlSubject('masking'), { ...valid, session: undefined, type: 'sallyport.approval.approved.v1' }],
    ['a session from a service', controlSubject('approval'), { ...valid, type: 'sallyport.approval.approved.v1' }],
    ['a gap from a proxy', sessionSubject('px', 0), { ...valid, type: 'sallyport.audit.gap.v1' }],
  ])('refuses %s', (_, subject, event) => {
    const { events, poison } = read(subject, event)
    expect(events).toEqual([])
    expect(poison).toMatchObject([{ reason: 'wrong-subject' }])
  })

  it.each(['', '[', '[]', '[\n', '\n]', '[\n]', '{}', 'x'.repeat(100)])('refuses %j, which is no batch', (text) => {
    const { events, poison } = readMessage(sessionSubject('px', 0), Buffer.from(text))
    expect(events).toEqual([])
    expect(poison).toHaveLength(1)
  })

  it('refuses a subject that is nobody\'s', () => {
    expect(readMessage('sallyport.evt.session.a.b.c', Buffer.from(encodeBatch([JSON.stringify(valid)]))).poison).toMatchObject([{ reason: 'wrong-subject' }])
  })
})
