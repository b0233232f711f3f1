import { afterAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { recognise } from '../src/recognition/index.js'
import { TracedShell } from './traced-shell.js'

const tools = ['rm', 'ls', 'cat', 'grep', 'wc', 'touch', 'tee', 'sort', 'head', 'id', 'env', 'nice', 'timeout', 'xargs', 'sh', 'bash']
const traced = new TracedShell(tools)
afterAll(() => traced.remove())

const shells = ['bash', 'dash']
/** Part of an installation's tests, longer when asked for by hand. */
const runs = 250

const word = fc.constantFrom('rm', 'ls', 'cat', 'a', '-l', 'f', "'a b'", '"a b"', '"$x"', '$x', '${x}', '$(ls)', '"$(id a)"', '*', 'r""m', '\\rm', "'r'm", '"$y"', '--', 'a=b', '#', "'#'", 'a#b', '1', '{a,b}', '~', '""', 'if', 'do', '`id`', "$'rm'", '{}', '!', '[', ']', 'e\\ f')
const command = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '))
const start = fc.constantFrom('ls a', 'cat f', 'grep a f', 'rm a', 'id', 'echo a', 'true', 'touch n', 'sort -o n a', 'env rm a', 'env x=1 ls', 'nice cat f', 'timeout 5 ls', 'xargs cat', 'xargs rm', "sh -c 'ls; id'", "bash -c 'rm a'", 'eval rm a', 'command ls', 'x=1', 'x=rm', 'cd .', '[ -f a ]', 'test -n "$x"', '! id', 'x=1 cat f', 'read z')
const redirection = fc.constantFrom('', '', '', '', ' > n', ' 2>/dev/null', ' < a', ' 2>&1', ' >> f', ' <> n', ' >| n', ' &> n', ' <<E\nrm\n$(id)\nE', " <<'E'\n$(rm)\nE", ' <<< "$(id)"', ' >/dev/null 2>&1', ' <a 2>&1')
const simple = fc.tuple(fc.oneof({ weight: 3, arbitrary: start }, { weight: 1, arbitrary: command }), fc.oneof({ weight: 4, arbitrary: fc.constant('') }, { weight: 2, arbitrary: word.map((text) => ` ${text}`) }), redirection).map((parts) => parts.join(''))
const glue = fc.constantFrom(';', '\n', ' && ', ' || ', ' | ', '; ', ' # a\n', ' & ', ' |& ', '&&\n', ' \\\n', ';\n', ' ')
const list = fc.array(fc.tuple(simple, glue), { minLength: 1, maxLength: 4 }).map((parts) => parts.flat().slice(0, -1).join(''))
const frame = fc.constantFrom<(text: string) => string>(
  (text) => text, (text) => text, (text) => text, (text) => `(${text})`, (text) => `{ ${text}; }`, (text) => `{ ${text}\n}`, (text) => `if ${text}; then ls; fi`, (text) => `if id; then ${text}; else ${text}; fi`, (text) => `for i in a b; do ${text}; done`,
  (text) => `while ${text}; do break; done`, (text) => `echo $(${text})`, (text) => `echo "$(${text})"`, (text) => `echo \`${text}\``, (text) => `x=$(${text})`, (text) => `cat <(${text})`, (text) => `case a in a) ${text};; esac`, (text) => `g() { ${text}; }; g`, (text) => `echo \${z:-$(${text})}`,
  (text) => `echo $(( $(${text}) + 1 ))`, (text) => `[[ -n $(${text}) ]] && ls`, (text) => `cat <<E\n$(${text})\nE`, (text) => `${text} | cat`, (text) => `eval '${text.replaceAll("'", '')}'`, (text) => `sh -c '${text.replaceAll("'", '')}'`, (text) => `! ${text}`, (text) => `time ${text}`, (text) => `${text} > n`,
)
const script = fc.tuple(list, frame, frame).map(([text, inner, outer]) => outer(inner(text)))
/** Anything at all, of the pieces that shells read. */
const soup = fc.array(fc.constantFrom('rm', 'ls', ' ', ' ', '\n', ';', '|', '&&', '(', ')', '{', '}', '$(', '"', "'", '\\', '`', '$x', '>', '<', 'n', 'a', '#', 'if', 'then', 'fi', 'do', 'done', 'for', 'in', '=', '!', '$', '[', ']', '*', '&', '-', '1', '<<E', '\nE\n', '${', 'cat f', 'id', '$((', '))', '~', '\t', ','), { minLength: 1, maxLength: 14 }).map((parts) => parts.join(''))
const any = fc.oneof({ weight: 3, arbitrary: script }, { weight: 1, arbitrary: soup })

const known = (text: string) => {
  const recognition = recognise(text, { terminal: 'no' })
  const unsure = recognition.problem !== undefined || recognition.effects.some(({ facts }) => facts['dynamic'] === true || facts['opaque'] === true)
  return { recognition, unsure, programs: new Set(recognition.effects.flatMap(({ facts }) => facts['programs'] as readonly string[] | undefined ?? [])) }
}

describe('real shells', () => {
  it.each(shells)('a proven read changes nothing and starts nothing that was not found: %s', (shell) => {
    let reads = 0
    fc.assert(fc.property(any, (text) => {
      const { recognition, programs } = known(text)
      if (!recognition.provenRead) return
      reads += 1
      expect(TracedShell.accepts(shell, text)).toBe(true)
      const trace = traced.run(shell, text)
      expect(trace.changed).toBe(false)
      expect(trace.programs.filter((program) => !programs.has(program))).toEqual([])
      expect(trace.programs.filter((program) => ['rm', 'touch', 'tee'].includes(program))).toEqual([])
    }), { numRuns: runs * 4 })
    expect(reads).toBeGreaterThan(20)
  })

  it('starts no program that was not found, unless something is said to be known only then: bash', () => {
    fc.assert(fc.property(any, (text) => {
      const { unsure, programs } = known(text)
      if (unsure) return
      expect(traced.run('bash', text).programs.filter((program) => !programs.has(program))).toEqual([])
    }), { numRuns: runs })
  })

  it('changes no file by a redirection that was not found, nor writes without being said to: bash', () => {
    fc.assert(fc.property(any, (text) => {
      const { recognition, unsure } = known(text)
      if (unsure || recognition.effects.some(({ facts }) => (facts['pathsWritten'] as readonly string[]).length > 0)) return
      expect(traced.run('bash', text).changed).toBe(false)
    }), { numRuns: runs })
  })

  it('accept what is recognised: bash', () => {
    fc.assert(fc.property(any, (text) => {
      if (known(text).recognition.problem === undefined) expect(TracedShell.accepts('bash', text)).toBe(true)
    }), { numRuns: runs })
  })

  it('reject what has a syntax error here, among texts of whole commands: bash', () => {
    let accepted = 0
    fc.assert(fc.property(script, (text) => {
      if (known(text).recognition.problem !== undefined && !/<<|`/.test(text) && TracedShell.accepts('bash', text)) accepted += 1
    }), { numRuns: runs })
    // Here-documents whose end isn't alone on its line, and what is within backquotes, are read more strictly here.
    expect(accepted).toBeLessThan(runs / 50)
  })

  it.each(shells)('run exactly the programs found in a text without branches: %s', (shell) => {
    const plain = fc.array(fc.tuple(fc.constantFrom('ls a', 'cat f', 'r""m a', 'id', '"touch" n', 'env ls', "sh -c 'id; ls'", 'echo $(id "$(ls)")', 'xargs cat', '\\grep a f'), fc.constantFrom(';', '\n', ' ; ', ' #;\n')), { minLength: 1, maxLength: 5 }).map((parts) => parts.flat().join(''))
    fc.assert(fc.property(plain, (text) => {
      expect([...new Set(traced.run(shell, text).programs)].sort()).toEqual([...known(text).programs].filter((program) => program !== 'echo').sort())
    }), { numRuns: runs / 5 })
  })

  it('canary: a text that starts something else is found out', () => {
    expect(traced.run('bash', 'r""m a; echo $(touch n)').programs).toEqual(['rm', 'touch'])
    expect(traced.run('dash', 'ls > n').changed).toBe(true)
  })
})
