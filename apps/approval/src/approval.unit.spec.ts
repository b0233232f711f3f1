import { describe, expect, test } from '@jest/globals'
import { approvalSchema } from '@sallyport/contracts/approval'
import { after, approved, NOON, requested, requestOf } from '../test/fixtures.js'
import { eventFrom, fold, HistoryError, viewOf } from './approval.js'
import { decideRequest } from './request-approval/decide.js'
import { decideWithdraw } from './withdraw/decide.js'

const request = decideRequest(undefined, { id: 'ap_1', request: requestOf(), openCount: 0, now: NOON }).events
const withdrawal = decideWithdraw(requested(), { reason: 'gone', now: NOON }).events

describe('the history of an approval', () => {
  test('that contradicts itself is not believed', () => {
    expect(() => fold([...request, ...request])).toThrow(HistoryError)
    expect(() => fold(withdrawal)).toThrow(HistoryError)
    expect(() => fold([...request, ...withdrawal, ...withdrawal])).toThrow(HistoryError)
  })

  test('with an unknown or malformed event is not believed', () => {
    expect(() => eventFrom({ type: 'sallyport.approval.blessed.v1', data: {} })).toThrow(HistoryError)
    expect(() => eventFrom({ type: 'sallyport.approval.approved.v1', data: { ...request[0]!.data, by: 'bob' } })).toThrow(HistoryError)
  })

  test('is shown as the contract has it', () => {
    expect(approvalSchema.parse(viewOf(approved()))).toMatchObject({ id: 'ap_1', status: 'approved', version: 3, expiresAt: '2026-11-22T12:01:30.000Z', resolutions: [{ by: 'bob' }] })
    expect(viewOf(after(requested(), { kind: 'accepted', events: withdrawal })).status).toBe('withdrawn')
  })
})
