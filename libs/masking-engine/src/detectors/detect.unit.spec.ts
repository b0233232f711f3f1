import { describe, expect, test } from '@jest/globals'
import { detectorIds, type DetectorId } from '@sallyport/contracts/masking'
import { createScanner } from './detect.js'

/** What a detector finds, as texts, joined where finds overlap. */
const finds = (detector: DetectorId, text: string): string[] => {
  const found = (createScanner([detector])(text) ?? []).toSorted((a, b) => a.from - b.from || b.to - a.to)
  const joined: { from: number; to: number }[] = []
  for (const { from, to } of found) {
    const last = joined.at(-1)
    if (last !== undefined && from < last.to) last.to = Math.max(last.to, to)
    else joined.push({ from, to })
  }
  return joined.map(({ from, to }) => text.slice(from, to))
}

// Assembled at run time, so that scanners of source code don't take these made-up values for leaked ones.
const made = (...parts: string[]): string => parts.join('')
const jwt = made('eyJhbGciOiJIUzI1NiJ9', '.eyJzdWIiOiIxMjM0NTY3ODkwIn0', '.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U')
const awsId = made('AKIA', 'IOSFODNN7EXAMPLE')
const awsSecret = made('wJalrXUtnFEMI/K7MDENG/', 'bPxRfiCYEXAMPLEKEY')
const pem = made('-----BEGIN RSA PRIVATE', ' KEY-----\nMIIEowIBAAKCAQEA\nabc/def+==\n-----END RSA PRIVATE', ' KEY-----')

describe('what detectors find', () => {
  test.each<[DetectorId, string, string[]]>([
    ['email', 'alice@example.com', ['alice@example.com']],
    ['email', 'mail to <alice.b+tag@mail.example.co.uk>, please.', ['alice.b+tag@mail.example.co.uk']],
    ['email', 'where email = \'o\'brien@example.com\'', ['o\'brien@example.com']],
    ['email', 'email=bob@example.com;', ['bob@example.com']],
    ['email', 'josé@exämple.de и юзер@пример.рф', ['josé@exämple.de', 'юзер@пример.рф']],
    ['email', '?to=bob%40example.com&x=1', ['bob%40example.com']],
    ['email', '"john doe"@example.com', ['"john doe"@example.com']],
    ['email', 'a@b.co', ['a@b.co']],
    ['email', 'user@host, @example.com, a@b, x@1.2.3.4', []],
    ['credit_card', '4111111111111111', ['4111111111111111']],
    ['credit_card', '4222222222222', ['4222222222222']],
    ['credit_card', 'paid with 4111 1111 1111 1111 on 2024-11-22', ['4111 1111 1111 1111']],
    ['credit_card', '12 5500-0000-0000-0004 99', ['5500-0000-0000-0004']],
    ['credit_card', 'x378282246310005y;6011111111111117', ['378282246310005', '6011111111111117']],
    ['credit_card', '4111.1111.1111.1111', ['4111.1111.1111.1111']],
    ['credit_card', '4111111111111112 1700000000000000 0.4111111111111111 41111111111111111111111', []],
    ['aws_access_key', `id ${awsId}, secret ${awsSecret}.`, [awsId, awsSecret]],
    ['aws_access_key', `aws_secret_access_key=${awsSecret}`, [awsSecret]],
    ['aws_access_key', awsSecret, [awsSecret]],
    ['aws_access_key', 'commit da39a3ee5e6b4b0d3255bfef95601890afd80709', []],
    ['private_key', `before ${pem} after`, [pem]],
    ['private_key', `${pem.slice(0, 50)}`, [pem.slice(0, 50)]],
    ['private_key', `text: ${pem.slice(40)} rest`, [` ${pem.slice(40)}`]],
    ['private_key', pem.replaceAll('\n', '\\n'), [pem.replaceAll('\n', '\\n')]],
    ['private_key', 'the PRIVATE KEY is not here -----', []],
    ['jwt', `Bearer ${jwt}, ok`, [jwt]],
    ['jwt', `${jwt.slice(0, jwt.lastIndexOf('.') + 1)}`, [jwt.slice(0, jwt.lastIndexOf('.') + 1)]],
    ['jwt', `x${jwt}`, [jwt]],
    ['jwt', 'eyJub3QiOiJhIHRva2VuIn0.abc.def www.example.com', []],
    ['generic_secret', made('token ghp_', 'abcdefghijklmnopqrstuvwxyz0123456789'), [made('ghp_', 'abcdefghijklmnopqrstuvwxyz0123456789')]],
    ['generic_secret', made('xoxb-', '1234567890'), [made('xoxb-', '1234567890')]],
    ['generic_secret', 'password=hunter2', ['hunter2']],
    ['generic_secret', '{"user": "bob", "dbPassword": "s3cr3t value"}', ['s3cr3t value']],
    ['generic_secret', '{\\"api_key\\":\\"abc\\"}', ['abc']],
    ['generic_secret', 'CREATE ROLE bob LOGIN PASSWORD \'pw\'', ['pw']],
    ['generic_secret', 'ALTER\tROLE\nbob\tPASSWORD\n\'pw\'', ['pw']],
    ['generic_secret', 'postgres://app:pa55@db.internal/orders', ['pa55']],
    ['generic_secret', 'Authorization: Basic dXNlcjpwYXNz', ['dXNlcjpwYXNz']],
    ['generic_secret', 'key 8f14e45fceea167a5a36dedd4bea2543 used', ['8f14e45fceea167a5a36dedd4bea2543']],
    ['generic_secret', 'q7Rk2Zp9XcVb4Nm1TyGh', ['q7Rk2Zp9XcVb4Nm1TyGh']],
    ['generic_secret', `password=${'x'.repeat(3000)} end`, ['x'.repeat(3000)]],
    ['generic_secret', 'password = $1 and token = ? or secret = null', []],
    ['generic_secret', 'e58ed763-928c-4155-bee9-fdbaaadc15f3 01ARZ3NDEKTSV4RRFFQ69G5FAV', []],
    ['generic_secret', 'ses_01h455vb4pex5vsknk084sn02q', []],
    ['generic_secret', 'select customer_orders_archive_2024, internationalizationOfEverything from /usr/lib/python3/dist-packages/x', []],
    ['generic_secret', '12345678901234567890123456789012', []],
    ['national_id', 'ssn 219-09-9999', ['219-09-9999']],
    ['national_id', 'ssn: 219099999', ['219099999']],
    ['national_id', '000-12-3456 666-12-3456 900-12-3456 219-00-9999', []],
    ['national_id', 'AB 12 34 56 C', ['AB 12 34 56 C']],
    ['national_id', 'BG123456A', []],
    ['national_id', '2 55 08 14 168 025 38', ['2 55 08 14 168 025 38']],
    ['national_id', '255081416802539', []],
    ['national_id', '86095742719', ['86095742719']],
    ['national_id', '44051401359', ['44051401359']],
    ['national_id', '529.982.247-25 111.111.111-11', ['529.982.247-25']],
    ['national_id', '12345678Z X1234567L 12345678A', ['12345678Z', 'X1234567L']],
    ['national_id', '2341 2341 2346', ['2341 2341 2346']],
    ['national_id', '11010519491231002X', ['11010519491231002X']],
    ['national_id', 'RSSMRA85T10A562S', ['RSSMRA85T10A562S']],
    ['national_id', '811228-9874', ['811228-9874']],
    ['national_id', '2024-11-22 18:44 555-1234 1234567890', []],
  ])('%s in %j', (detector, text, expected) => {
    expect(finds(detector, text)).toEqual(expected)
  })

  test('ordinary texts hold nothing', () => {
    const scan = createScanner(detectorIds)
    for (const text of ['', 'Ada', 'Berlin, Karl-Marx-Allee 34', '2026-11-22 18:44:44.123456+00', '{"a": [1, 2, 3], "name": "Grüße"}', '-12.50', 't', 'orders_pkey', 'https://example.com/products/42?page=7', '192.168.178.254/24', 'SELECT id, total FROM orders WHERE created_at > now() - interval \'1 day\'']) {
      expect([text, scan(text)]).toEqual([text, undefined])
    }
  })
})
