import { Refusal, refusalText, type RefusalCode } from '@sallyport/protocol-kit'

/** SSH_DISCONNECT_* for each reason (RFC 4253 section 11.1). */
const disconnectReasons: Readonly<Record<RefusalCode, number>> = {
  'bad-credentials': 14,
  'unknown-connection': 14,
  denied: 14,
  parked: 14,
  'hold-denied': 14,
  'hold-expired': 11,
  unavailable: 7,
  unrecognised: 2,
  limit: 12,
  malformed: 2,
  'target-unreachable': 7,
  'target-failed': 7,
  killed: 11,
  'shutting-down': 11,
}

export const disconnectReason = (refusal: Refusal): number => disconnectReasons[refusal.code]

/** What a refused command exits with: found, but not to be executed (POSIX shells). */
export const REFUSED_STATUS = 126

/** The refusal on one line, with what can be done. */
export const refusalLine = (refusal: Refusal): string => withoutControls(refusalText(refusal) + (refusal.info.remedy === undefined ? '' : ` ${refusal.info.remedy}`))

/** Nothing in it moves the cursor of whoever reads it. */
// eslint-disable-next-line no-control-regex
export const withoutControls = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')

/** Anything thrown, as what the client is told. */
export const asRefusal = (thrown: unknown): Refusal =>
  thrown instanceof Refusal ? thrown : new Refusal('unavailable', 'the gateway failed on this session', {}, { cause: thrown })
