import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Recognition, strictness } from '@sallyport/protocol-kit'
import { lineOf, recognise } from './index.js'

const of = (text: string): Recognition => recognise(text, { terminal: 'no' })
const programs = (text: string): readonly string[] => of(text).effects.flatMap(({ facts }) => facts['programs'] as readonly string[] | undefined ?? [])

const fragments = ['ls', 'rm x', 'cat', ' ', ' ', '\n', ';', '|', '&', '&&', '||', '(', ')', '{', '}', '$(', '${', '$((', '))', '`', '"', "'", '\\', '$x', '<', '>', '<<', '<<E', '\nE\n', 'E', '#', 'if', 'then', 'fi', 'for', 'in', 'do', 'done', 'case', 'esac', ';;', '[[', ']]', '!', '=', '*', '~', '-', 'sudo', 'sh -c', 'eval', '\r', '\0', 'é', '\ud800', "$'", '$"', '<(', '{a,b}', '@(', 'function', 'time', 'coproc', '2>&1', '\t']
const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ unit: 'grapheme', maxLength: 60 }), fc.array(fc.constantFrom(...fragments), { maxLength: 25 }).map((parts) => parts.join('')), fc.array(fc.constantFrom(...fragments), { maxLength: 25 }).map((parts) => parts.join(' ')))
const read = fc.constantFrom('ls', 'cat f', 'ls -l "a b"', 'grep x f | wc -l', 'cat a && cat b', 'echo $(id)', 'for i in a; do ls; done', 'if [ -f x ]; then cat x; fi', 'x=1', '(ls)', 'cat f 2>/dev/null', 'find . -name x', 'sort f')
const harm = fc.constantFrom('rm x', 'sudo ls', 'touch f', 'ls > f', 'sort -o a b', '$x', 'sh f', 'PATH=. ls', 'python3 -c x', 'find . -delete', 'sed -i p f', 'frobnicate', 'git status', 'ls &')

const quotings: readonly ((text: string) => string)[] = [(text) => `'${text}'`, (text) => `"${text}"`, (text) => [...text].map((char) => `\\${char}`).join(''), (text) => `${text.slice(0, 1)}""${text.slice(1)}`, (text) => `${text.slice(0, 1)}'${text.slice(1)}'`, (text) => `${text.slice(0, 1)}\\\n${text.slice(1)}`, (text) => `/bin/${text}`, (text) => `$'${text}'`]

const wrappers: Readonly<Record<string, (text: string) => string>> = {
  subshell: (text) => `( ${text}\n)`, group: (text) => `{ ${text}\n}`, substitution: (text) => `echo $( ${text}\n)`, quoted: (text) => `echo "$( ${text}\n)"`, assignment: (text) => `x=$( ${text}\n)`, condition: (text) => `if ls; then ${text}\nfi`, loop: (text) => `for i in a; do ${text}\ndone`, pipe: (text) => `ls | { ${text}\n}`,
  shell: (text) => `sh -c -- '${text.replaceAll("'", "'\\''")}'`, sudo: (text) => `sudo sh -c -- '${text.replaceAll("'", "'\\''")}'`, after: (text) => `ls\n${text}`, before: (text) => `${text}\nls`, negation: (text) => `! { ${text}\n}`, backquotes: (text) => `echo \`${text.replaceAll('\\', '\\\\').replaceAll('$', '\\$').replaceAll('`', '\\`')}\``, process: (text) => `cat <(${text}\n)`,
}

describe('recognition holds for any text', () => {
  it('answers; the strictest effect names it; a read is proven only when everything is', () => {
    fc.assert(fc.property(anyText, (text) => {
      const recognition = of(text)
      expect(recognition.effects.length).toBeGreaterThan(0)
      expect(recognition.effects.length).toBeLessThanOrEqual(64)
      expect(strictness[recognition.class]).toBe(Math.max(...recognition.effects.map((effect) => strictness[effect.class])))
      expect(recognition.problem === undefined).toBe(recognition.class !== 'unrecognised')
      expect(recognition.provenRead).toBe(recognition.class === 'read')
      const length = Buffer.byteLength(text)
      let at = 0
      for (const [from, to] of recognition.literals) {
        expect(from >= at && to > from && to <= length).toBe(true)
        at = to
      }
      expect(of(text)).toEqual(recognition)
      expect(structuredClone(recognition)).toEqual(recognition)
      expect(['complete', 'incomplete', 'invalid']).toContain(lineOf(text).state)
    }), { numRuns: 3000 })
  })

  it('never makes a command weaker by putting it into another', () => {
    fc.assert(fc.property(fc.oneof(harm, anyText), fc.constantFrom(...Object.keys(wrappers)), (text, wrapper) => {
      const inner = of(text)
      const outer = of(wrappers[wrapper]?.(text) ?? '')
      // What can't be read itself may end the construct around it.
      if (inner.provenRead || inner.problem !== undefined || /<<|#|\\$|\r|\0/.test(text)) return
      expect(outer.provenRead).toBe(false)
      if (outer.problem === undefined) expect(programs(wrappers[wrapper]?.(text) ?? '')).toEqual(expect.arrayContaining([...new Set(programs(text))]))
    }), { numRuns: 2000 })
  })

  it('keeps what is proven in everything that is read alike everywhere', () => {
    fc.assert(fc.property(read, fc.constantFrom('subshell', 'group', 'substitution', 'quoted', 'assignment', 'condition', 'loop', 'pipe', 'shell', 'after', 'before', 'negation'), (text, wrapper) => {
      expect(of(wrappers[wrapper]?.(text) ?? '').provenRead).toBe(true)
    }), { numRuns: 200 })
  })

  it('finds no read in a text that also writes to a file', () => {
    fc.assert(fc.property(read, fc.constantFrom('>', '>>', '>|', '<>', '&>', '>&', '2>', '1>>'), fc.constantFrom(' f', 'f', ' "f"', " 'a b'", ' $x', ' ./f', ' /tmp/f', ' "$x"', ' f*', ' ~/f', ' $(ls)'), (text, operator, target) => {
      expect(of(`{ ${text}; } ${operator}${target}`).provenRead).toBe(false)
      expect(of(`${operator}${target} ls`).provenRead).toBe(false)
      expect(of(`ls ${operator}${target}`).provenRead).toBe(false)
      expect(of(`ls; ${operator}${target}`).provenRead).toBe(false)
    }), { numRuns: 200 })
  })

  it('judges two lines at least as strictly as each, with the programs of both', () => {
    fc.assert(fc.property(fc.oneof(read, harm), fc.oneof(read, harm), fc.constantFrom(';', '\n', ' # x\n', '&&', '||', ' \\\n;'), (one, other, glue) => {
      if (one.endsWith('&')) return
      const both = of(`${one}${glue}${other}`)
      expect(strictness[both.class]).toBe(Math.max(strictness[of(one).class], strictness[of(other).class]))
      expect(new Set(programs(`${one}${glue}${other}`))).toEqual(new Set([...programs(one), ...programs(other)]))
    }), { numRuns: 500 })
  })

  it('knows a program however it is quoted', () => {
    fc.assert(fc.property(fc.constantFrom('rm', 'ls', 'sort', 'sudo', 'bash', 'curl'), fc.constantFrom(...quotings), fc.constantFrom('', ' a', ' -l f'), (program, quoting, rest) => {
      expect(of(quoting(program) + rest).effects[0]?.facts['program']).toBe(program)
    }), { numRuns: 200 })
  })

  it('canary: a property that is wrong is found out', () => {
    expect(fc.check(fc.property(harm, (text) => of(text).class === 'read'), { numRuns: 50 }).failed).toBe(true)
    expect(fc.check(fc.property(anyText, (text) => of(text).class !== 'unrecognised'), { numRuns: 500 }).failed).toBe(true)
    expect(fc.check(fc.property(anyText, (text) => of(text).class !== 'execute'), { numRuns: 500 }).failed).toBe(true)
  })
})
