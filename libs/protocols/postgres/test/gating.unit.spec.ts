import { describe, expect, it } from '@jest/globals'
import { int16, int32, message, query, readyForQuery } from '../src/codec/encode.js'
import { status } from '../src/codec/types.js'
import { clientMessage } from './wire-client.js'
import { answer, MemoryHost, typesOf } from './memory-host.js'

const description = message(84, int16(1), 'a', int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0))
const row = message(68, int16(1), int32(1), Buffer.from('x'))
const complete = message(67, 'SELECT 1')
const ready = readyForQuery(status.idle)
const settle = async (): Promise<void> => new Promise(setImmediate)

describe('acknowledgement', () => {
  it('forwards a proven read at once, and lets nothing of its answer out before its event is acknowledged', async () => {
    const host = new MemoryHost()
    await host.open()
    host.acknowledge(0)
    await host.client(query('select'))
    expect(typesOf(host.toTarget)).toBe('Q')
    const waiting = host.target(message(78, Buffer.from('MNotice\0\0')), description, row, complete, ready)
    await settle()
    expect(host.toClient).toEqual([])
    host.acknowledge(1)
    await waiting
    expect(typesOf(host.toClient)).toBe('NTDCZ')
    expect(host.outcomes).toMatchObject([{ outcome: 'completed', rows: 1, status: 'SELECT 1', result: { columns: ['a'], rows: [['x']], truncated: false } }])
  })

  it('gates on the oldest answer, not on the newest', async () => {
    const host = new MemoryHost()
    await host.open()
    host.acknowledge(0)
    await host.client(query('select 1'), query('select 2'))
    host.acknowledge(1)
    const waiting = host.target(description, row, complete, ready, description, row, complete, ready)
    await settle()
    expect(typesOf(host.toClient)).toBe('TDCZ')
    host.acknowledge(2)
    await waiting
    expect(typesOf(host.toClient)).toBe('TDCZTDCZ')
  })

  it('forwards what is no proven read only when its event is acknowledged, and what precedes it at once', async () => {
    const host = new MemoryHost()
    await host.open()
    host.acknowledge(0)
    const waiting = host.client(query('select'), query('write'), query('select'))
    await settle()
    expect(typesOf(host.toTarget)).toBe('Q')
    host.acknowledge(2)
    await waiting
    expect(typesOf(host.toTarget)).toBe('QQQ')
    expect(host.operations.map(({ text }) => text)).toEqual(['select', 'write', 'select'])
  })

  it('sends a pipelined chunk of the hot path in one write each way', async () => {
    const host = new MemoryHost()
    await host.open()
    await host.client(clientMessage('Parse', ['p', 'select']), clientMessage('Sync', []))
    await host.target(answer('1'), ready)
    host.toTarget.length = 0
    host.toClient.length = 0
    const chunk = [clientMessage('Bind', ['', 'p', '1']), clientMessage('Describe', ['P', '']), clientMessage('Execute', ['', 0]), clientMessage('Sync', [])]
    expect(host.client(...chunk)).toBeUndefined()
    expect(host.toTarget).toEqual([Buffer.concat(chunk)])
    expect(host.target(answer('2'), description, row, complete, ready)).toBeUndefined()
    expect(host.toClient).toEqual([Buffer.concat([answer('2'), description, row, complete, ready])])
    expect(host.operations.at(-1)).toMatchObject({ text: 'select', parameters: ['1'] })
  })

  it('ends what is open when a side goes', async () => {
    const host = new MemoryHost()
    await host.open()
    await host.client(query('select'), query('select'))
    await host.target(description, row)
    await host.session.end('target')
    expect(host.outcomes.map(({ outcome }) => outcome)).toEqual(['lost', 'lost'])
    expect(typesOf(host.toClient)).toBe('TDE')
  })
})
