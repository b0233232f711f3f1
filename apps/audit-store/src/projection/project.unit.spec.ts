import { describe, expect, it } from '@jest/globals'
import { approvalEventTypes } from '@sallyport/contracts/approval'
import { sessionEventTypes } from '@sallyport/contracts/session'
import { foldEvents } from './changeset.js'
import { project, type Projectable } from './project.js'

const event = (type: string, data: object, more: Partial<Projectable> = {}): Projectable =>
  ({ position: 7, type, session: 'ses_1', sequence: 3, subject: 'x', time: 1000, data: data as Record<string, unknown>, ...more })
const requested = { command: 'cmd_1', action: 'sql.select', class: 'read', statement: 'SELECT 1', statementBytes: 8, decision: { outcome: 'allow', policies: [], revision: 1 } }
const finish = { command: 'cmd_1', outcome: 'completed', durationUs: 1, bytesOut: 2 }

describe('project', () => {
  it('makes a command of a request, and ends the one before with what it carries', () => {
    expect(project(event(sessionEventTypes.requested, { ...requested, parameters: ['a', null], finished: [{ ...finish, command: 'cmd_0' }] }))).toEqual({
      kind: 'changes',
      changes: [
        { kind: 'command-changed', session: 'ses_1', command: 'cmd_0', patch: { status: 'completed', finish: JSON.stringify({ ...finish, command: 'cmd_0' }) } },
        { kind: 'command-requested', command: { id: 'cmd_1', position: 7, session: 'ses_1', sequence: 3, action: 'sql.select', class: 'read', statement: 'SELECT 1', statementBytes: 8, parameters: '["a",null]', requestedAt: 1000, decision: JSON.stringify(requested.decision) } },
      ],
    })
  })

  it.each([
    ['no command', { ...requested, command: undefined }], ['a length that is none', { ...requested, statementBytes: '8' }], ['no decision', { ...requested, decision: null }],
    ['a decision without policies', { ...requested, decision: { outcome: 'allow', revision: 1 } }], ['parameters that are no list', { ...requested, parameters: {} }],
    ['an end that is none', { ...requested, finished: [{ command: 'cmd_0', outcome: 'exploded', durationUs: 1, bytesOut: 1 }] }], ['ends that are no list', { ...requested, finished: {} }],
  ])('finds fault with a request that has %s', (_, data) => {
    expect(project(event(sessionEventTypes.requested, data))).toMatchObject({ kind: 'fault' })
  })

  it.each(Object.values(sessionEventTypes).filter((type) => type !== sessionEventTypes.chunk && type !== sessionEventTypes.recording))('finds fault with %s without its data, and throws nothing', (type) => {
    expect(project(event(type, {}))).toMatchObject({ kind: 'fault' })
  })

  it('changes nothing for types it does not know, and for approvals that come with a session', () => {
    expect(project(event('sallyport.terminal.resized.v1', {}))).toEqual({ kind: 'changes', changes: [] })
    expect(project(event(approvalEventTypes.approved, {}))).toEqual({ kind: 'changes', changes: [] })
    expect(project(event('toString', {}, { session: null }))).toEqual({ kind: 'changes', changes: [] })
  })
})

describe('foldEvents', () => {
  it('counts commands and the last number of each session', () => {
    const set = foldEvents([event(sessionEventTypes.requested, requested), event(sessionEventTypes.completed, finish, { position: 8, sequence: 4 }), event('sallyport.x.y.v1', {}, { session: 'ses_2', sequence: 9 })])
    expect(Object.fromEntries(set.progress)).toMatchObject({ ses_1: { commands: 1, lastSequence: 4 }, ses_2: { commands: 0, lastSequence: 9 } })
  })

  it('lets no session change another one\'s command', () => {
    const set = foldEvents([event(sessionEventTypes.requested, requested), event(sessionEventTypes.failed, { ...finish, outcome: 'failed' }, { session: 'ses_2' })])
    expect(set.patches.size).toBe(0)
  })

  it('keeps the approval\'s latest version, in whatever order they come', () => {
    const about = { approval: 'ap_1', session: 'ses_1', command: 'cmd_1', uid: 'u', connection: 'c', action: 'a', at: '2026-11-22T10:00:00.000Z' }
    const released = event(approvalEventTypes.released, { ...about, status: 'released', releasedTo: { proxy: 'p', command: 'cmd_1' } }, { session: null, sequence: 3 })
    const executed = event(approvalEventTypes.executed, { ...about, status: 'executed', outcome: 'completed' }, { session: null, sequence: 4 })
    for (const order of [[released, executed], [executed, released]]) expect(foldEvents(order).approvals.get('ap_1')).toMatchObject({ status: 'executed', version: 4 })
  })
})
