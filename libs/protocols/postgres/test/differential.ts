import { decodeFields } from '../src/codec/decode.js'
import { int16, int32, message } from '../src/codec/encode.js'
import { clientMessage, render, type Received, type WireClient } from './wire-client.js'

const raw = (type: string, ...pieces: (string | Uint8Array)[]): Buffer => message(type.charCodeAt(0), ...pieces)
const rows = 'SELECT x FROM generate_series(1, 3) x'

const texts: Readonly<Record<string, string>> = {
  'a row': 'SELECT 1 AS one', nothing: '', 'unparsable text': 'SELEC', 'an error': 'SELECT 1/0', BEGIN: 'BEGIN', COMMIT: 'COMMIT', ROLLBACK: 'ROLLBACK', SET: 'SET extra_float_digits = 1',
  'two of three statements': 'SELECT 1; SELECT 1/0; SELECT 2', 'COPY IN': 'COPY c FROM STDIN', 'COPY OUT': `COPY (${rows}) TO STDOUT`, 'two COPY IN': 'COPY c FROM STDIN; COPY c FROM STDIN',
  'COPY IN in a transaction': 'BEGIN; COPY c FROM STDIN', DECLARE: `DECLARE w CURSOR WITH HOLD FOR ${rows}`, FETCH: 'FETCH 2 FROM w', NOTIFY: 'LISTEN n; NOTIFY n, \'x\'',
  'a notice': 'ROLLBACK; ROLLBACK', EXECUTE: 'EXECUTE s', DEALLOCATE: 'DEALLOCATE ALL', 'a savepoint': 'SAVEPOINT a; ROLLBACK TO a',
}

/** Every message type of the frontend, with what it may say: well, wrongly, and not at all. */
export const messages: Readonly<Record<string, Buffer>> = {
  ...Object.fromEntries(Object.entries(texts).map(([name, text]) => [`Query ${name}`, clientMessage('Query', [text])])),
  ...Object.fromEntries(Object.entries(texts).map(([name, text]) => [`Parse ${name}`, clientMessage('Parse', ['', text])])),
  'Parse s again': clientMessage('Parse', ['s', rows]),
  'Parse t': clientMessage('Parse', ['t', 'SELECT $1::int + 1 AS sum']),
  Bind: clientMessage('Bind', ['', '']),
  'Bind s': clientMessage('Bind', ['', 's']),
  'Bind p to s': clientMessage('Bind', ['p', 's']),
  'Bind p to t': clientMessage('Bind', ['p', 't', '41']),
  'Bind of a wrong number': clientMessage('Bind', ['', 't', '1', '2']),
  'Bind of no number': clientMessage('Bind', ['', 't', 'x']),
  'Bind of nothing': clientMessage('Bind', ['', 'nowhere']),
  'Bind in binary': clientMessage('BindBinary', ['', 's']),
  'Describe statement': clientMessage('Describe', ['S', '']),
  'Describe s': clientMessage('Describe', ['S', 's']),
  'Describe portal': clientMessage('Describe', ['P', '']),
  'Describe p': clientMessage('Describe', ['P', 'p']),
  'Describe of nothing': clientMessage('Describe', ['P', 'nowhere']),
  'Describe of what there is not': clientMessage('Describe', ['x', '']),
  Execute: clientMessage('Execute', ['']),
  'Execute one row': clientMessage('Execute', ['', 1]),
  'Execute p': clientMessage('Execute', ['p']),
  'Execute one row of p': clientMessage('Execute', ['p', 1]),
  'Execute of nothing': clientMessage('Execute', ['nowhere']),
  'Execute w': clientMessage('Execute', ['w', 1]),
  'Close s': clientMessage('Close', ['S', 's']),
  'Close p': clientMessage('Close', ['P', 'p']),
  'Close of nothing': clientMessage('Close', ['S', 'nowhere']),
  'Close of what there is not': clientMessage('Close', ['x', '']),
  Sync: clientMessage('Sync', []),
  Flush: clientMessage('Flush', []),
  FunctionCall: clientMessage('FunctionCall', [177, '1', '2']),
  'FunctionCall that fails': clientMessage('FunctionCall', [154, '1', '0']),
  'FunctionCall of nothing': clientMessage('FunctionCall', [4_000_000_000]),
  CopyData: clientMessage('CopyData', ['7\n']),
  'CopyData that is wrong': clientMessage('CopyData', ['x\n']),
  CopyDone: clientMessage('CopyDone', []),
  CopyFail: clientMessage('CopyFail', ['no']),
  Terminate: raw('X'),
  Password: raw('p', 'secret'),
  'a type that there is not': raw('!'),
  'a type of the backend': raw('Z', Buffer.from('I')),
  ...Object.fromEntries(['Q', 'P', 'B', 'E', 'D', 'C', 'F', 'f'].map((type) => [`${type} without a body`, raw(type)])),
  ...Object.fromEntries(['E', 'D', 'C', 'S', 'H', 'X', 'c'].map((type) => [`${type} with too much`, raw(type, Buffer.from('P\0\0\0\0\0\0'), 'x')])),
  // After Flush: PostgreSQL hangs up on these without sending what it had to say.
  'a length of three': Buffer.concat([raw('H'), Buffer.from([81, 0, 0, 0, 3])]),
  'P of negative length': Buffer.concat([raw('H'), Buffer.from('P'), int32(-1)]),
  'S that is too long': Buffer.concat([raw('H'), Buffer.from('S'), int32(20_000)]),
  'Bind whose count lies': raw('B', '', 's', int16(0), int16(9)),
}

const sent = (...names: readonly string[]): Buffer => Buffer.concat(names.map((name) => messages[name] as Buffer))

/** What brings a session that is ready into each state. */
export const states: Readonly<Record<string, Buffer>> = {
  idle: sent(),
  'in an extended batch': sent('Parse a row', 'Bind'),
  'after an error, before Sync': sent('Parse unparsable text'),
  'in a transaction': sent('Query BEGIN'),
  'in a failed transaction': sent('Query BEGIN', 'Query an error'),
  'in COPY IN': sent('Query COPY IN', 'CopyData'),
  'in COPY IN, extended': sent('Parse COPY IN', 'Bind', 'Execute', 'Flush', 'CopyData'),
  'in COPY OUT': sent('Query COPY OUT'),
  'in COPY OUT, extended': sent('Parse COPY OUT', 'Bind', 'Execute'),
  'with a suspended portal': sent('Query BEGIN', 'Bind p to s', 'Execute one row of p'),
  'after Terminate': sent('Terminate'),
}

const fresh = Buffer.concat([
  clientMessage('Query', ['DISCARD ALL']), clientMessage('Query', ['CREATE TEMP TABLE c (a int)']), clientMessage('Parse', ['s', rows]), clientMessage('Parse', ['t', 'SELECT $1::int + 1 AS sum']), messages['Sync'] as Buffer,
])
/** Brings a session out of any state, if it still lives, and shows that it is through. */
const through = (mark: string): Buffer => Buffer.concat([
  clientMessage('CopyFail', ['enough']), messages['Sync'] as Buffer, clientMessage('CopyFail', ['enough']), messages['Sync'] as Buffer, clientMessage('Query', ['ROLLBACK']), clientMessage('Query', [`SELECT '${mark}'`]),
])

/** Cuts bytes into pieces that are sent one after the other. */
export type Cut = (bytes: Buffer) => readonly Buffer[]

/** One answer as it is compared: the bytes, but for what the gateway says in words of its own. */
const comparable = (received: Received): string => {
  const { type, bytes } = received
  if (type === 'E') {
    const fields = new Map(decodeFields(bytes, 0, bytes.length).map(([code, text]) => [String.fromCharCode(code), text.toString('latin1')]))
    // What PostgreSQL says of a length it does not believe, while it reads data.
    if (fields.get('C') === '08P01' || fields.get('M')?.startsWith('unexpected EOF on client connection') === true) return `E ${fields.get('V')} 08P01`
    // A name that the session never saw defined: another one is asked for, in another place of the server's source.
    if (fields.get('C') === '26000' || fields.get('C') === '34000') return render(received)
  }
  return `${render(received)} ${bytes.toString('latin1')}`
}

const waitMs = 10_000

/** Says something in a fresh session and answers everything that came back, up to the mark or the end. */
export const converse = async (client: WireClient, bytes: Buffer, mark: string, cut: Cut): Promise<readonly string[]> => {
  const heard: string[] = []
  const speak = async (): Promise<void> => {
    for (const piece of cut(Buffer.concat([fresh, bytes, through(mark)]))) {
      client.send(piece)
      await new Promise((resolve) => { setImmediate(resolve) })
    }
  }
  const listen = async (): Promise<void> => {
    for (let marked = false; ;) {
      const received = await client.next()
      if (received === undefined) {
        // Where PostgreSQL hangs up without a word the gateway says why.
        if (heard.at(-1) === 'E FATAL 08P01') heard.pop()
        heard.push('closed')
        return
      }
      // A notification comes when the server is idle, before or behind an answer as it happens.
      if (received.type !== 'A') heard.push(comparable(received))
      if (received.type === 'D' && render(received) === `D ${mark}`) marked = true
      if (marked && received.type === 'Z') return
    }
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((_, reject) => {
    timer = setTimeout(() => {
      client.end()
      reject(new Error(`nothing more came after ${heard.slice(-6).map((line) => line.split(' ').slice(0, 4).join(' ')).join(' | ')}`))
    }, waitMs)
  })
  try {
    await Promise.race([Promise.all([speak(), listen()]), late])
  } finally {
    clearTimeout(timer)
  }
  return heard
}
