import { beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Recognition, strictness } from '@sallyport/protocol-kit'
import { ParserBrokeError, loadRecogniser, recognise } from './index.js'

beforeAll(loadRecogniser)

const of = (text: string): Recognition => recognise(text, {})
const strength = (text: string): number => strictness[of(text).class]

const fragments = [
  'select', ' ', '1', "'a'", '(', ')', ';', ',', 'from', 't', 'where', 'delete from t', 'update t set a = 1', 'with x as (', '/*', '*/', '--', '\n', '$$', '$a$', '"', "'", '\\', 'E',
  'returning *', 'insert into t', 'values', 'explain', 'analyze', 'pg_read_file', '::', '.', '*', 'é', '\0', '\ud800', 'begin', 'rollback', 'union', 'limit', 'copy', 'to stdout',
]
const anyText = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.array(fc.constantFrom(...fragments), { maxLength: 25 }).map((parts) => parts.join(' ')))

const name = fc.constantFrom('t', 'u', 'public.orders', '"Q"', 'customers')
const condition = fc.constantFrom('', ' where id = 1', ' where true', ' where email like $1', ' where exists (select 1 from u)')
const read = fc.tuple(name, condition).map(([table, where]) => `select id from ${table}${where}`)
const write = fc.oneof(
  fc.tuple(name, condition).map(([table, where]) => `delete from ${table}${where} returning 1`),
  fc.tuple(name, condition).map(([table, where]) => `update ${table} set a = 1${where} returning 1`),
  fc.tuple(name, read).map(([table, query]) => `insert into ${table} ${query} returning 1`),
  name.map((table) => `insert into ${table} values (1, my_function('x')) returning 1`),
)
const other = fc.constantFrom('begin', 'commit', 'set work_mem = 1', 'drop table t', 'grant a to b', 'do $$ $$', 'select pg_read_file($$x$$)', 'copy t from program $$x$$', 'select nextval($$s$$)', 'rollback')
const statement = fc.oneof(read, write, other)

const wrappers: Record<string, (text: string) => string> = {
  cte: (text) => `with w as (${text}) select * from w`,
  'cte in a subquery': (text) => `select (with w as (${text}) select 1 from w limit 1)`,
  'explain analyze': (text) => `explain analyze ${text}`,
  'explain analyze option': (text) => `explain (format json, analyze) ${text}`,
  prepare: (text) => `prepare p as ${text}`,
  copy: (text) => `copy (${text}) to stdout`,
}

describe('recognition holds for any text', () => {
  it('answers, or says that the parser broke; the strictest effect names it; a read is proven only when everything is', () => {
    fc.assert(fc.property(anyText, (text) => {
      let recognition
      try {
        recognition = of(text)
      } catch (error) {
        return error instanceof ParserBrokeError
      }
      expect(recognition.effects.length).toBeGreaterThan(0)
      expect(strictness[recognition.class]).toBe(Math.max(...recognition.effects.map((effect) => strictness[effect.class])))
      expect(recognition.problem === undefined).toBe(recognition.class !== 'unrecognised')
      if (recognition.provenRead) expect(strictness[recognition.class]).toBeLessThanOrEqual(strictness.read)
      const length = Buffer.byteLength(text)
      let at = 0
      for (const [from, to] of recognition.literals) {
        expect(from >= at && to > from && to <= length).toBe(true)
        at = to
      }
      expect(of(text)).toEqual(recognition)
      return true
    }), { numRuns: 1500 })
  })

  it('never makes a write weaker by wrapping it', () => {
    fc.assert(fc.property(write, fc.constantFrom(...Object.keys(wrappers)), (text, wrapper) => {
      const wrapped = wrappers[wrapper]?.(text) ?? ''
      const inner = of(text)
      const outer = of(wrapped)
      expect(outer.problem).toBeUndefined()
      expect(outer.provenRead).toBe(false)
      expect(strictness[outer.class]).toBeGreaterThanOrEqual(strictness[inner.class])
      const actions = new Set(outer.effects.map((effect) => effect.action))
      for (const effect of inner.effects) expect(actions).toContain(effect.action)
    }), { numRuns: 300 })
  })

  it('judges two statements at least as strictly as each, with the effects of both', () => {
    fc.assert(fc.property(statement, statement, fc.constantFrom(';', ' ; ', '; -- x\n', ';;/* ; */'), (one, other, glue) => {
      const both = of(`${one}${glue}${other}`)
      expect(strictness[both.class]).toBe(Math.max(strength(one), strength(other)))
      expect(both.provenRead).toBe(of(one).provenRead && of(other).provenRead)
      expect(both.alwaysAllowed).toBe(of(one).alwaysAllowed && of(other).alwaysAllowed)
      expect(new Set(both.effects.map((effect) => effect.action))).toEqual(new Set([...of(one).effects, ...of(other).effects].map((effect) => effect.action)))
      expect(new Set(both.touches.columns)).toEqual(new Set([...of(one).touches.columns, ...of(other).touches.columns]))
    }), { numRuns: 300 })
  })

  it('doesn\'t depend on case, space or comments between tokens', () => {
    fc.assert(fc.property(statement, (text) => {
      const spread = text.replaceAll(' ', ' /* x\n*/\t')
      const { literals: _, detail: __, ...rest } = of(text)
      const { literals: ___, detail: ____, ...others } = of(spread)
      expect(others).toEqual(rest)
    }), { numRuns: 200 })
  })

  it('canary: a property that is wrong is found out', () => {
    const wrong = fc.property(write, (text) => of(`prepare p as ${text}`).class === 'read')
    expect(fc.check(wrong, { numRuns: 50 }).failed).toBe(true)
    const alsoWrong = fc.property(anyText, (text) => of(text).class !== 'unrecognised')
    expect(fc.check(alsoWrong, { numRuns: 500 }).failed).toBe(true)
  })
})
