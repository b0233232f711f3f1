import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { freshDatabase } from '@sallyport/testing'
import pg from 'pg'
import { textCodec } from './encodings.js'

/** Encodings of clients in which a byte of a quote, a backslash or a letter can be the second half of a character. */
const unsafe = ['SJIS', 'BIG5', 'GBK', 'GB18030']
const others = ['EUC_JP', 'EUC_KR', 'EUC_CN']
const single = [
  'LATIN1', 'LATIN2', 'LATIN3', 'LATIN4', 'LATIN6', 'LATIN7', 'LATIN8', 'LATIN9', 'LATIN10', 'ISO_8859_5', 'ISO_8859_6', 'ISO_8859_7', 'ISO_8859_8', 'KOI8R', 'KOI8U',
  'WIN866', 'WIN874', 'WIN1250', 'WIN1251', 'WIN1252', 'WIN1253', 'WIN1254', 'WIN1255', 'WIN1256', 'WIN1257', 'WIN1258',
]
const unreadable = ['UHC', 'JOHAB', 'SHIFT_JIS_2004', 'EUC_TW', 'EUC_JIS_2004', 'MULE_INTERNAL']

let database: pg.Client

beforeAll(async () => {
  database = new pg.Client({ connectionString: await freshDatabase() })
  await database.connect()
  // What the server makes of each pair of bytes, followed by a letter; null where it refuses it.
  await database.query(`
    CREATE FUNCTION readings(encoding text, head bytea) RETURNS text[] LANGUAGE plpgsql AS $$
    DECLARE
      found text[] := '{}';
    BEGIN
      FOR trail IN 1..255 LOOP
        BEGIN
          found := found || convert_from(head || set_byte('\\x00'::bytea, 0, trail) || '\\x41'::bytea, encoding);
        EXCEPTION WHEN OTHERS THEN
          found := found || NULL::text;
        END;
      END LOOP;
      RETURN found;
    END $$`)
}, 60_000)

afterAll(() => database?.end())

const heads = Array.from({ length: 128 }, (_, index) => Buffer.from([0x80 + index]))
const longHeads = (encoding: string): readonly Buffer[] => {
  if (encoding === 'EUC_JP') return Array.from({ length: 94 }, (_, index) => Buffer.from([0x8f, 0xa1 + index]))
  // Four bytes: some of each plane.
  if (encoding === 'GB18030') return [0x81, 0x82, 0x84, 0x90, 0x95, 0xe3].flatMap((first) => [0x30, 0x35, 0x39].flatMap((second) => [0x81, 0x9f, 0xfe].map((third) => Buffer.from([first, second, third]))))
  return []
}

describe.each([...unsafe, ...others, ...single])('%s', (encoding) => {
  it('is read as the server reads it, or not at all', async () => {
    const codec = textCodec(encoding)
    expect(codec).toBeDefined()
    const severalBytes = !single.includes(encoding)
    const wrong: Record<string, unknown> = {}
    let read = 0
    for (const head of severalBytes ? [...heads, ...longHeads(encoding)] : [Buffer.alloc(0)]) {
      const { rows } = await database.query('SELECT readings($1, $2) AS texts', [encoding, head])
      for (const [index, theirs] of (rows[0].texts as (string | null)[]).entries()) {
        if (theirs === null) continue
        const bytes = Buffer.concat([head, Buffer.from([index + 1, 0x41])])
        const ours = codec?.decode(bytes)
        read += 1
        if (ours !== theirs && codec?.doubtful?.test(ours ?? '') !== true) wrong[bytes.toString('hex')] = { theirs, ours }
      }
    }
    expect(read).toBeGreaterThan(severalBytes ? 2000 : 200)
    expect(wrong).toEqual({})
  }, 60_000)
})

it.each(unreadable)('%s is not read at all', (encoding) => {
  expect(textCodec(encoding)).toBeUndefined()
})
