const ascii = (text: string): number => text.charCodeAt(0)

/** Message types by their ASCII codes (PostgreSQL documentation, 54.7 Message Formats). */
export const frontend = {
  bind: ascii('B'), close: ascii('C'), copyData: ascii('d'), copyDone: ascii('c'), copyFail: ascii('f'), describe: ascii('D'), execute: ascii('E'),
  flush: ascii('H'), functionCall: ascii('F'), parse: ascii('P'), password: ascii('p'), query: ascii('Q'), sync: ascii('S'), terminate: ascii('X'),
} as const

export const backend = {
  authentication: ascii('R'), backendKeyData: ascii('K'), bindComplete: ascii('2'), closeComplete: ascii('3'), commandComplete: ascii('C'),
  copyData: ascii('d'), copyDone: ascii('c'), copyInResponse: ascii('G'), copyOutResponse: ascii('H'), copyBothResponse: ascii('W'), dataRow: ascii('D'),
  emptyQuery: ascii('I'), error: ascii('E'), functionCallResponse: ascii('V'), negotiateProtocolVersion: ascii('v'), noData: ascii('n'), notice: ascii('N'),
  notification: ascii('A'), parameterDescription: ascii('t'), parameterStatus: ascii('S'), parseComplete: ascii('1'), portalSuspended: ascii('s'),
  readyForQuery: ascii('Z'), rowDescription: ascii('T'),
} as const

/** Transaction status of ReadyForQuery. */
export const status = { idle: ascii('I'), block: ascii('T'), failed: ascii('E') } as const

/** Request codes and versions of the untyped start-up packets. */
export const startup = { cancel: 80877102, ssl: 80877103, gssenc: 80877104, version30: 0x30000, version32: 0x30002 } as const
