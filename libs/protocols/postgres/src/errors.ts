import { Refusal, refusalText, type RefusalCode } from '@sallyport/protocol-kit'
import { errorResponse, noticeResponse, type Fields } from './codec/encode.js'

/** SQLSTATE for each reason (interfaces.md, 6; PostgreSQL documentation, appendix A). */
const sqlStates: Readonly<Record<RefusalCode, string>> = {
  'bad-credentials': '28P01',
  'unknown-connection': '28000',
  denied: '42501',
  parked: '42501',
  'hold-denied': '42501',
  'hold-expired': '57014',
  unavailable: '57P03',
  unrecognised: '0A000',
  limit: '54000',
  malformed: '08P01',
  'target-unreachable': '08001',
  'target-failed': '08006',
  killed: '57P01',
  'shutting-down': '57P01',
}

export const sqlState = (refusal: Refusal): string => sqlStates[refusal.code]

/** ERROR leaves the session usable; FATAL is the last word. */
export type Severity = 'ERROR' | 'FATAL'

/** The refusal as fields: ids in DETAIL, the remedy in HINT. */
export const refusalFields = (refusal: Refusal, severity: Severity, code = sqlState(refusal)): Fields => {
  const { command, approval, policies, remedy } = refusal.info
  const ids = [
    ...(command === undefined ? [] : [`command ${command}`]),
    ...(approval === undefined ? [] : [`approval ${approval}`]),
    ...(policies === undefined || policies.length === 0 ? [] : [`policy ${policies.join(', ')}`]),
  ]
  return [
    ['S', severity],
    ['V', severity],
    ['C', code],
    ['M', refusalText(refusal)],
    ...(ids.length === 0 ? [] : [['D', ids.join('\n')] as const]),
    ...(remedy === undefined ? [] : [['H', remedy] as const]),
  ]
}

export const refusalResponse = (refusal: Refusal, severity: Severity, code?: string): Buffer => errorResponse(refusalFields(refusal, severity, code))

/** An error of the wire itself: what PostgreSQL's own server would say, without a command behind it. */
export const plainFatal = (code: string, text: string): Buffer => errorResponse([['S', 'FATAL'], ['V', 'FATAL'], ['C', code], ['M', text]])

/** What the client reads while its command waits. */
export const heldNotice = (text: string, command: string, approval: string): Buffer =>
  noticeResponse([['S', 'NOTICE'], ['V', 'NOTICE'], ['C', '00000'], ['M', text], ['D', `command ${command}\napproval ${approval}`]])
