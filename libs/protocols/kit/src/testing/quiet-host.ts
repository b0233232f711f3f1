import type { SessionHost } from '../session.js'

/** What a test's host answers where nothing is to be seen: no options, no keys, room for everything, acknowledged at once, nothing kept. */
export const quietHost = {
  resultBytesMax: 0,
  outputBytesMax: 0,
  options: {},
  serverKeys: [],
  attribution: '',
  clientTls: 'none',
  now: () => performance.now(),
  whenWritable: () => undefined,
  remember: async (_, value) => value,
  preflight: () => undefined,
  acknowledged: () => true,
  whenAcknowledged: async () => undefined,
  record: () => undefined,
  whenRecorded: () => undefined,
  abandon: () => undefined,
  catalog: () => undefined,
  catalogChanged: () => undefined,
} satisfies Partial<SessionHost>
