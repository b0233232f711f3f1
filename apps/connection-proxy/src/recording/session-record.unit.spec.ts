import { createSecretKey } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { Refusal } from '@sallyport/protocol-kit'
import fc from 'fast-check'
import { finishSchema, withResult, type Finish } from '@sallyport/contracts/session'
import { CommandLog } from './command-log.js'
import { SessionRecord } from './session-record.js'
import { Tail } from './tail.js'

const recordWith = (durability: 'stored' | 'stream') => {
  const published: { sequence: number; text: string }[] = []
  const tail = { chars: 0 }
  const record = new SessionRecord('ses_x', {
    source: 'test',
    publish: (_, sequence, text) => { published.push({ sequence, text }) },
    tailGrew: (chars) => { tail.chars += chars },
    tailShrank: (chars) => { tail.chars -= chars },
  })
  record.durability = durability
  return { record, published, tail }
}

describe('the record of a session', () => {
  test('numbers events from one without gaps, as CloudEvents', () => {
    const { record, published } = recordWith('stored')
    record.append('sallyport.session.opened.v1', 'ses_x', '{"a":1}')
    record.append('sallyport.session.closed.v1', 'ses_x', '{}')
    const events = published.map(({ text }) => JSON.parse(text) as Record<string, unknown>)
    expect(events.map((event) => event['sequence'])).toEqual(['000000000001', '000000000002'])
    expect(events[0]).toMatchObject({ specversion: '1.0', session: 'ses_x', type: 'sallyport.session.opened.v1', data: { a: 1 } })
  })

  test('at stored level a publish acknowledges nothing; the store\'s commit does', async () => {
    const { record } = recordWith('stored')
    const sequence = record.append('t', 's', '{}')
    record.published(sequence)
    expect(record.acknowledgedThrough).toBe(0)
    const waiting = record.whenAcknowledged(sequence, 1_000)
    record.stored(sequence)
    await waiting
    expect(record.settled).toBe(true)
  })

  test('at stream level the publish is enough, and the tail is kept until it is stored', () => {
    const { record, tail } = recordWith('stream')
    const sequence = record.append('t', 's', '{}')
    record.published(sequence)
    expect(record.acknowledgedThrough).toBe(sequence)
    expect(tail.chars).toBeGreaterThan(0)
    expect(record.republish(1, 1)).toBe(1)
    record.stored(sequence)
    expect(tail.chars).toBe(0)
    expect(record.republish(1, 1)).toBe(0)
  })

  test('what waits is released by its own number, whatever waits before it', async () => {
    const { record } = recordWith('stream')
    record.append('t', 's', '{}')
    record.append('t', 's', '{}')
    let second = false
    const late = record.whenAcknowledged(2, 1_000).then(() => { second = true })
    const early = record.whenAcknowledged(1, 1_000)
    record.published(1)
    await early
    expect(second).toBe(false)
    record.published(2)
    await late
  })

  test('waiting too long is a refusal', async () => {
    const { record } = recordWith('stored')
    const waiting = record.whenAcknowledged(record.append('t', 's', '{}'), 10)
    record.expire(performance.now() + 11)
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' })
    await expect(waiting).rejects.toBeInstanceOf(Refusal)
  })

  test('a watermark beyond what was recorded does not acknowledge what comes later', () => {
    const { record } = recordWith('stored')
    record.append('t', 's', '{}')
    record.stored(99)
    expect(record.acknowledgedThrough).toBe(1)
    record.append('t', 's', '{}')
    expect(record.acknowledgedThrough).toBe(1)
  })
})

test('a tail holds exactly what is above the watermark, in order', () => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.record({ push: fc.string() }), fc.record({ drop: fc.nat(200) })), { maxLength: 300 }), (steps) => {
    const tail = new Tail()
    let model: { sequence: number; text: string }[] = []
    let sequence = 0
    for (const step of steps) {
      if ('push' in step) {
        sequence += 1
        tail.push({ sequence, text: step.push })
        model.push({ sequence, text: step.push })
      } else {
        tail.dropThrough(step.drop)
        model = model.filter((entry) => entry.sequence > step.drop)
      }
    }
    expect(tail.between(0, Infinity)).toEqual(model)
    expect(tail.chars).toBe(model.reduce((sum, entry) => sum + entry.text.length, 0))
    expect(tail.empty).toBe(model.length === 0)
  }))
})

describe('the log of commands', () => {
  const logWith = () => {
    const { record, published } = recordWith('stream')
    const ends: string[] = []
    const log = new CommandLog({ acknowledgeMs: 1000, record, digestKey: createSecretKey(Buffer.alloc(32)), onCarried: () => undefined, onApprovedEnd: (approval, outcome) => ends.push(`${approval} ${outcome}`), onEnd: () => undefined })
    const events = () => published.map(({ text }) => JSON.parse(text) as { type: string; data: Record<string, unknown> })
    return { log, events, ends }
  }

  test('the end of a command travels with the next request, once', () => {
    const { log, events } = logWith()
    log.requested('cmd_1', '"action":"a"', 'd1', undefined)
    log.finish(log.ticket('cmd_1', 1), { outcome: 'completed', bytesOut: 5, rows: 1 })
    log.requested('cmd_2', '"action":"a"', 'd2', ['1', null])
    log.flush()
    expect(events().map((event) => event.type)).toEqual(['sallyport.command.requested.v1', 'sallyport.command.requested.v1'])
    expect(events()[1]!.data).toMatchObject({ command: 'cmd_2', parameters: ['1', null], finished: [{ command: 'cmd_1', outcome: 'completed', rows: 1 }] })
  })

  test('without a next request it is an event of its own', () => {
    const { log, events } = logWith()
    log.requested('cmd_1', '"action":"a"', 'd1', undefined)
    log.finish(log.ticket('cmd_1', 1), { outcome: 'failed', bytesOut: 0, error: { code: '42P01', message: 'no' } })
    log.flush()
    expect(events()[1]).toMatchObject({ type: 'sallyport.command.failed.v1', data: { command: 'cmd_1' } })
  })

  test('a ticket ends once, and what has not ended is lost with the session', () => {
    const { log, events, ends } = logWith()
    const first = log.ticket('cmd_1', 1, 'ap_1')
    log.finish(first, { outcome: 'completed', bytesOut: 0 })
    log.finish(first, { outcome: 'failed', bytesOut: 0 })
    log.ticket('cmd_2', 2)
    log.loseRunning()
    expect(events().map((event) => [event.type, event.data['command']])).toEqual([['sallyport.command.completed.v1', 'cmd_1'], ['sallyport.command.lost.v1', 'cmd_2']])
    expect(ends).toEqual(['ap_1 completed'])
  })

  test('input is recorded by length and keyed digest, never by content', () => {
    const { log, events } = logWith()
    const ticket = log.ticket('cmd_1', 1)
    log.input(ticket, Buffer.from('secret'))
    log.input(ticket, Buffer.from('secret'))
    expect(events().map((event) => [event.data['index'], event.data['bytes']])).toEqual([[0, 6], [1, 6]])
    expect(JSON.stringify(events())).not.toContain('secret')
  })
})

describe('the end of a record', () => {
  test('nothing follows a session\'s last event, and what is refused leaves nothing in the tail', () => {
    const { record, published, tail } = recordWith('stored')
    record.append('t', 's', '{}')
    record.end()
    const held = tail.chars
    expect(() => record.append('t', 's', '{}')).toThrow(Refusal)
    expect(published).toHaveLength(1)
    expect(tail.chars).toBe(held)
    record.stored(1)
    expect(tail.chars).toBe(0)
  })

  test('an event that the bus could never take is refused and takes no number: nothing behind it waits for it', () => {
    const { record, published } = recordWith('stored')
    expect(() => record.append('t', 's', `{"a":"${'€'.repeat(200_000)}"}`)).toThrow(/too large/)
    expect(record.append('t', 's', '{}')).toBe(1)
    expect(published).toHaveLength(1)
  })

  test('a result that is too large as JSON is left out of the end, and the end is recorded', () => {
    const { record, published } = recordWith('stored')
    const log = new CommandLog({ acknowledgeMs: 1000, record, digestKey: createSecretKey(Buffer.alloc(32)), onCarried: () => undefined, onApprovedEnd: () => undefined, onEnd: () => undefined })
    log.finish(log.ticket('cmd_1', 0), { outcome: 'completed', bytesOut: 1, status: 'SELECT 1', result: { columns: ['c'], rows: [['\u0001'.repeat(120_000)]], truncated: false } })
    log.flush()
    const { data } = JSON.parse(published[0]!.text) as { data: { status: string; result: object } }
    expect(data).toMatchObject({ status: 'SELECT 1', result: { rows: [], truncated: true } })
    expect(data).not.toHaveProperty('resultDeflated')
  })

  test('a long result is recorded deflated, in a fraction of the bytes and whole; a short one as it is', () => {
    const { record, published } = recordWith('stored')
    const log = new CommandLog({ acknowledgeMs: 1000, record, digestKey: createSecretKey(Buffer.alloc(32)), onCarried: () => undefined, onApprovedEnd: () => undefined, onEnd: () => undefined })
    const short = { columns: ['c'], rows: [['a'], [null]], truncated: false }
    const long = { columns: ['id', 'ort'], rows: Array.from({ length: 2_000 }, (_, index) => [String(index), index % 7 === 0 ? null : `Köln \u0000 ${index}`]), truncated: true }
    for (const result of [short, long]) log.finish(log.ticket('cmd_1', 0), { outcome: 'completed', bytesOut: 1, result })
    log.flush()
    const [first, second] = published.map(({ text }) => (JSON.parse(text) as { data: Finish }).data)
    expect(first).toMatchObject({ result: short })
    expect(first).not.toHaveProperty('resultDeflated')
    expect(second).not.toHaveProperty('result')
    expect(published[1]!.text.length).toBeLessThan(JSON.stringify(long).length / 3)
    expect(withResult(finishSchema.parse(second)).result).toEqual(long)
  })
})
