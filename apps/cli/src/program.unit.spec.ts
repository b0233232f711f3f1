import { describe, expect, test } from '@jest/globals'
import type { ProtocolDescriptor } from '@sallyport/protocol-kit'
import { factsOf, partyOf } from './commands/policy-explain.js'
import { readConfig } from './config.js'
import { CliError } from './errors.js'
import { runCommandLine } from './program.js'
import { endpoint } from './session/endpoint.js'

const protocols = [{ name: 'telegraph', title: 'Telegraph', clients: { morse: () => ({ env: {} }) } } as unknown as ProtocolDescriptor]
const run = async (...args: readonly string[]): Promise<{ status: number; out: string; err: string }> => {
  let [out, err] = ['', '']
  const terminal = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), watched: false }
  // Port 1 of loopback: nobody listens there.
  const status = await runCommandLine({ args, config: readConfig({ XDG_CONFIG_HOME: '/nonexistent', SALLYPORT_API: 'http://127.0.0.1:1', SALLYPORT_ISSUER: 'http://127.0.0.1:1' }), terminal, protocols })
  return { status, out, err }
}

describe('the exit status', () => {
  test.each([
    [0, ['--help']], [0, []], [0, ['help', 'login']], [0, ['morse', '--help']],
    [2, ['nonsense']], [2, ['whoami', '--nonsense']], [2, ['replay']], [2, ['apply']], [2, ['policy']], [2, ['approvals', 'deny', 'ap_1']], [2, ['sessions', '--limit', '0']], [2, ['approvals', '--status', 'odd']],
    [2, ['login', '--client-id', 'x', '--api', 'ftp://x']],
    [3, ['whoami']], [3, ['morse', 'somewhere', '--anything']], [3, ['approvals']], [3, ['login', '--api', 'http://sallyport.example']],
    [6, ['login']],
  ])('%d of %j', async (expected, args) => {
    const { status, err } = await run(...args)
    expect({ status, err }).toEqual({ status: expected, err: expected === 0 ? '' : expect.stringMatching(/./) })
  })

  test('comes with the error as JSON where that is asked for, also when the arguments are wrong', async () => {
    const wrong = await run('whoami', '--nonsense', '--json')
    expect({ ...wrong, err: JSON.parse(wrong.err) }).toMatchObject({ status: 2, out: '', err: { error: { exitStatus: 2, message: expect.stringContaining('--nonsense') } } })
    expect(JSON.parse((await run('--json', 'whoami')).err)).toMatchObject({ error: { exitStatus: 3 } })
    expect((await run('morse', 'somewhere', '--json')).err).toMatch(/^sallyport: nobody is logged in/)
  })
})

test('help has examples for every command', async () => {
  for (const command of [['login'], ['whoami'], ['connections'], ['credential'], ['sessions'], ['replay'], ['apply'], ['approvals', 'list'], ['approvals', 'show'], ['approvals', 'approve'], ['approvals', 'deny'], ['agents', 'removed'], ['agents', 'forget'], ['policy', 'explain'], ['morse']]) {
    expect((await run(...command, '--help')).out).toContain(`  $ sallyport ${command[0]}`)
  }
})

describe('what a token is sent to', () => {
  test.each([['http://127.0.0.1:7300/', 'http://127.0.0.1:7300'], ['http://[::1]:7300', 'http://[::1]:7300'], ['https://sallyport.example/base/', 'https://sallyport.example/base']])('%s is allowed', (url, expected) => {
    expect(endpoint('X', url, false)).toBe(expected)
  })

  test.each(['http://sallyport.example', 'http://127.0.0.1.example', 'http://10.0.0.1', 'ftp://127.0.0.1', 'nonsense'])('%s is refused', (url) => {
    expect(() => endpoint('X', url, false)).toThrow(CliError)
  })

  test('is plain http elsewhere where that was said to be trusted', () => {
    expect(endpoint('X', 'http://sallyport.example', true)).toBe('http://sallyport.example')
  })
})

describe('what is explained', () => {
  const types = { hasWhere: 'boolean', rows: 'integer', tables: 'strings', name: 'string' } as const

  test('has facts of the protocol\'s types', () => {
    expect(factsOf(['hasWhere=false', 'rows=7', 'tables=a,b', 'tables=c', 'name=x=y'], types)).toEqual({ hasWhere: false, rows: 7, tables: ['a', 'b', 'c'], name: 'x=y' })
  })

  test.each(['hasWhere=no', 'rows=many', 'hasWere=true', 'toString=x', 'name'])('has no fact %s', (fact) => {
    expect(() => factsOf([fact], types)).toThrow(CliError)
  })

  test('is about people of the issuer that their uid names', () => {
    const issuers = [{ name: 'corp', spec: { primary: true } }, { name: 'partners', spec: { primary: false } }]
    expect(partyOf('alice', ['dba'], issuers)).toEqual({ kind: 'user', issuer: 'corp', subject: 'alice', uid: 'alice', groups: ['dba'] })
    expect(partyOf('partners/bob', [], issuers)).toMatchObject({ issuer: 'partners', subject: 'bob', uid: 'partners/bob' })
    expect(partyOf('corp/bob', [], issuers)).toMatchObject({ issuer: 'corp', subject: 'corp/bob' })
    expect(partyOf('alice', [], [])).toMatchObject({ issuer: 'development' })
  })
})
