import { spawnSync } from 'node:child_process'
import { mkdirSync, realpathSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { newDir } from '../../test/sshd.js'
import { ReportFilter } from './report-filter.js'
import { afterLine, freshState, type ShellState } from './shell-state.js'
import { readReport, wrapped, wrappedWithReport } from './wrapped-line.js'

const NONCE = '00112233445566778899aabbccddeeff'
const shellsHere = ['bash', 'dash', 'zsh', 'busybox'].filter((name) => spawnSync('which', [name]).status === 0)
const argsOf = (shell: string): readonly string[] => (shell === 'busybox' ? ['sh', '-c'] : ['-c'])
const dir = realpathSync(newDir('wrapped'))
const odd = path.join(dir, "it's $HOME; \\ \"quoted\"\n and [on]")
mkdirSync(odd, { recursive: true })

const run = (shell: string, text: string) => {
  const { status, stdout, stderr } = spawnSync(shell, [...argsOf(shell), text], { env: { PATH: process.env['PATH'], HOME: dir } })
  const filter = new ReportFilter(NONCE)
  const out = Buffer.concat([filter.write(stdout), filter.end()]).toString()
  return { status: status ?? -1, out, err: stderr.toString(), report: readReport(filter.texts) }
}

const after = (shell: string, state: ShellState, line: string, names: readonly string[] = []): ShellState & { readonly out: string } => {
  const { status, out, report } = run(shell, wrappedWithReport(state, line, NONCE, names))
  return { ...afterLine(state, status, report).state, out }
}

describe.each(shellsHere)('a line in %s', (shell) => {
  const start = { ...freshState, directory: dir }

  test('runs where the shell was left, with its variables and its last status', () => {
    const state: ShellState = {
      directory: odd, previousDirectory: '/usr', status: 3,
      variables: new Map([['A', { kind: 'exported', value: "x'y\n$(id)" }], ['b', { kind: 'local', value: 'of the shell' }], ['HOME', { kind: 'unset' }]]),
    }
    expect(run(shell, wrapped(state, 'echo $?; pwd; printenv A; echo "$b"; printenv b; echo "<${HOME-none}>"; cd - >/dev/null && pwd')).out).toBe(`3\n${odd}\nx'y\n$(id)\nof the shell\n<none>\n/usr\n`)
  })

  test('leaves its directory, its variables and its status', () => {
    const first = after(shell, start, `cd '${odd.replaceAll("'", "'\\''")}' && export A="1\n2" && b=$((6 * 7)); (exit 9)`, ['A', 'b'])
    expect(first).toMatchObject({ directory: odd, previousDirectory: dir, status: 9 })
    expect(first.variables).toEqual(new Map([['A', { kind: 'exported', value: '1\n2' }], ['b', { kind: 'local', value: '42' }]]))
    const second = after(shell, first, 'unset A; b=43; echo "$b"', ['b'])
    expect(second).toMatchObject({ directory: odd, status: 0, out: '43\n' })
    expect(second.variables).toEqual(new Map([['A', { kind: 'unset' }], ['b', { kind: 'local', value: '43' }]]))
  })

  test('leaves what it can when it ends the shell', () => {
    expect(after(shell, start, 'cd /usr; exit 5')).toMatchObject({ directory: '/usr', status: 5 })
  })

  test('that can\'t be read leaves everything', () => {
    expect(after(shell, start, 'echo "')).toMatchObject({ directory: dir, variables: new Map() })
  })

  test('does not run where its directory is gone', () => {
    expect(run(shell, wrapped({ ...freshState, directory: '/nowhere/at/all' }, 'echo ran'))).toMatchObject({ status: expect.any(Number), out: '' })
  })

  test('means what it says whatever is in it: nothing of it is read by what runs it', () => {
    const unit = fc.constantFrom("'", '"', '\\', '$', '`', '\n', ' ', 'a', '#', ';', '-', '(')
    fc.assert(fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
      const value = text.replaceAll("'", "'\\''")
      expect(run(shell, wrapped(start, `printf %s '${value}'`)).out).toBe(text)
    }), { numRuns: 25 })
  })
})

describe('a report', () => {
  const report = (directory: string, env: string) => readReport(['', `${directory}\n\0\0${env}`])

  test('is taken at its word and never more: names that are none, directories that are none', () => {
    const state = afterLine(freshState, 0, report('not/absolute', 'A=1\0BASH_FUNC_x%%=() { id; }\0$(id)=2\0PATH;id=3\0=4\0')).state
    expect(state.directory).toBeUndefined()
    expect(state.variables).toEqual(new Map([['A', { kind: 'exported', value: '1' }]]))
  })

  test('is bounded', () => {
    const many = Array.from({ length: 300 }, (_, at) => `V${at}=x`).join('\0')
    expect(afterLine(freshState, 0, report('/', many))).toMatchObject({ tooMuch: true, state: { directory: '/', variables: new Map() } })
    expect(afterLine(freshState, 0, report('/', `V=${'x'.repeat(40_000)}`)).tooMuch).toBe(true)
  })

  test('that is missing or doubled changes nothing', () => {
    expect(readReport([])).toBeUndefined()
    expect(readReport(['', '', ''])).toBeUndefined()
    expect(readReport(['', 'no fields'])).toBeUndefined()
  })
})
