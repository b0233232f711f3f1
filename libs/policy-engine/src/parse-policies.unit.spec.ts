import { describe, expect, test } from '@jest/globals'
import { ask, example, NOON, parse, records, schema } from '../test/fixtures.js'
import { agentGuard, buildSchema, createEngine, limits, parsePolicies, PolicySchemaError } from './index.js'

const faultsOf = (text: string) => parse(text).faults
const POLICY = 'permit(principal, action in Action::"read", resource)'

describe('faults say where and what', () => {
  test.each([
    ['a misspelt annotation', `@id("a") @aproval("dba")\nforbid(principal, action, resource);`, 1, 10, 'Did you mean "approval"?'],
    ['a misspelt fact', `@id("a")\n${POLICY}\nwhen { context.hasWher };`, 3, 8, 'there is no fact "hasWher". Did you mean "hasWhere"?'],
    ['a misspelt fact behind "has"', `@id("a")\n${POLICY}\nunless { context has hasWher };`, 3, 22, 'Did you mean "hasWhere"?'],
    ['a misspelt fact in brackets', `@id("a")\n${POLICY}\nwhen { context["hasWher"] };`, 3, 8, 'Did you mean "hasWhere"?'],
    ['a fact with an attribute', `@id("a") ${POLICY} when { context has rows.a };`, 1, 83, 'has no attributes'],
    ['a misplaced token', `// é€😀\n@id("é".length) ;\n`, 2, 8, 'unexpected token'],
    ['an unknown action', `@id("a") @reason("é😀") permit(principal, action in Action::"raed", resource);`, 1, 52, 'did you mean `Action::"read"`?'],
    ['an unknown entity type', `@id("a")\n  permit(principal in Grop::"x", action, resource);`, 2, 23, 'did you mean `Group`?'],
    ['an unknown attribute', `@id("a") ${POLICY} when { resource.protocl == "x" };`, 1, 71, '`protocl`'],
    ['a label without a check', `@id("a") ${POLICY} when { resource.getTag("x") == "x" };`, 1, 71, 'hasTag'],
    ['a fact without a check', `@id("a") ${POLICY} when { context.hasWhere };`, 1, 71, 'context has hasWhere'],
    ['a fact of another type', `@id("a") ${POLICY} when { context has rows && context.rows == "1" };`, 1, 91, 'types'],
    ['a group compared with ==', `@id("a")\npermit(principal, action == Action::"read", resource);`, 2, 29, 'write "action in Action::"read""'],
    ['a group compared in a set', `@id("a") permit(principal, action, resource) when { [Action::"read"].contains(action) };`, 1, 54, 'group of actions'],
    ['context as a whole', `@id("a") ${POLICY} when { [context].contains(context) };`, 1, 72, 'can be used only as'],
    ['has on something else', `@id("a") ${POLICY} when { !(resource has protocl) };`, 1, 82, 'hasTag'],
    ['a template', '@id("a") permit(principal == ?principal, action, resource);', 1, 30, 'templates are not supported'],
    ['a policy that can never apply', `@id("a") ${POLICY} when { false };`, 1, 1, 'impossible'],
    ['deceptive characters', `@id("a") permit(principal in Group::"аdmins", action, resource);`, 1, 1, 'mixed scripts'],
    ['no id', `\n  ${POLICY};`, 2, 3, 'needs an @id'],
    ['an id of another form', `@id("a b") ${POLICY};`, 1, 1, 'letters, digits'],
    ['an id that is taken', `@id("a") ${POLICY};\n@reason("x") @id("a") ${POLICY};`, 2, 14, 'also the id of a policy in test.cedar, line 1'],
    ['two ids', `@id("a") @id("b") ${POLICY};`, 1, 10, 'duplicate annotation'],
    ['no policy', '// later\n', 1, 1, 'holds no policy'],
    ['a document that is too large', `// ${'€'.repeat(120_000)}\n@id("a") ${POLICY};`, 1, 1, 'larger than 320 KiB'],
    ['half a character', `@id("a") @reason("\ud800") ${POLICY};`, 1, 1, 'well-formed'],
    ['an unfinished policy', `@id("a") ${POLICY}`, 1, 63, 'unexpected end of input'],
  ])('%s', (_title, text, line, column, message) => {
    const [fault] = faultsOf(text)
    expect(fault).toMatchObject({ file: 'test.cedar', line, column })
    expect(fault?.message).toContain(message)
  })

  test.each([
    ['@approval("dba") permit(principal, action, resource);', 'belongs on a forbid'],
    ['@approval forbid(principal, action, resource);', 'needs the group'],
    ['@approval("dba") @approvals("0") forbid(principal, action, resource);', 'whole number from 1'],
    ['@approval("dba") @approvals("two") forbid(principal, action, resource);', 'whole number from 1'],
    ['@approval("dba") @expires("15") forbid(principal, action, resource);', '@expires'],
    ['@approval("dba") @expires("25h") forbid(principal, action, resource);', 'at most 24 hours'],
    ['@approval("dba") @park("yes") forbid(principal, action, resource);', 'takes no value'],
    ['@approval("dba") @park("") forbid(principal, action, resource);', 'takes no value'],
    ['@approvals("2") forbid(principal, action, resource);', 'means nothing without @approval'],
    ['@park forbid(principal, action, resource);', 'means nothing without @approval'],
    ['@reason forbid(principal, action, resource);', 'needs a text'],
  ])('%s', (text, message) => {
    expect(faultsOf(`@id("a") ${text}`).map((fault) => fault.message).join()).toContain(message)
  })

  test('a name misspelt once is one fault, two are two', () => {
    expect(faultsOf(`@id("a") ${POLICY} when { context has hasWher && context has rows && context.rows == 1 };`)).toHaveLength(1)
    expect(faultsOf(`@id("a") permit(principal in Grop::"x", action in Action::"raed", resource);`)).toHaveLength(2)
  })

  test('faults carry the document\'s name when it has no file', () => {
    expect(parsePolicies(schema, [{ name: 'mine', text: 'permit;' }]).faults[0]).toMatchObject({ file: 'mine.cedar', line: 1 })
  })

  test('documents that did not change are not judged again, but their ids count', () => {
    const old = { name: 'old', text: `@id("a") ${POLICY} when { context.gone };` }
    const changed = new Set(['new'])
    expect(parsePolicies(schema, [{ name: 'new', text: `@id("b") ${POLICY};` }, old], changed).faults).toEqual([])
    expect(parsePolicies(schema, [{ name: 'new', text: `@id("a") ${POLICY};` }, old], changed).faults).toMatchObject([{ file: 'new.cedar' }])
  })

  test('what was judged before is judged the same again, and ids all the same', () => {
    const texts = [example, `@id("a") ${POLICY} when { context.hasWher };`, `@id("b") ${POLICY} when { false };`, `@id("c") @park ${POLICY};`]
    for (const text of texts) expect(parse(text)).toEqual(parse(text))
    expect(parse(example).policies).toHaveLength(5)
    expect(parse(`${example}\n${example}`).faults).toHaveLength(5)
    expect(parsePolicies(buildSchema([]), [{ name: 'x', text: `@id("d") ${POLICY} when { context has rows };` }]).faults).toHaveLength(1)
    expect(faultsOf(`@id("d") ${POLICY} when { context has rows };`)).toEqual([])
    expect(parsePolicies(buildSchema([]), [{ name: 'x', text: `@id("d") ${POLICY} when { context has rows };` }]).faults).toHaveLength(1)
  })
})

test('what is wrong beyond the faults that are shown is not taken for valid', () => {
  const text = (from: number) => Array.from({ length: 120 }, (_, at) => `@id("p${at}") ${POLICY} when { context has rows && context.rows == "${from}" };`).join('\n')
  expect(faultsOf(text(1))).toHaveLength(limits.faultsMax)
  expect(faultsOf(text(1).split('\n').slice(-10).join('\n'))).toHaveLength(10)
})

describe('what is valid', () => {
  test('the example of the interface', () => {
    const { policies, faults } = parse(example)
    expect(faults).toEqual([])
    expect(policies.map(({ id }) => id)).toEqual(['agents-connect', 'agents-read', 'agents-write', 'writes-need-a-dba', 'no-schema-changes'])
    expect(policies[3]?.approval).toEqual({ group: 'dba', count: 1, expiresMs: 900_000, park: false })
  })

  test('texts with ";", brackets and comments in them', () => {
    expect(faultsOf(`@id("a") @reason("; // \\" {") // ; "\n${POLICY} when { context has database && context.database like "*;*" };`)).toEqual([])
  })

  test('a guard of a thousand connections', () => {
    expect(faultsOf(agentGuard({ name: 'x', uid: 'x', connections: Array.from({ length: 1000 }, (_, at) => `connection-${at}`) }))).toEqual([])
  })

  test('groups right of "in" wherever they stand', () => {
    expect(faultsOf('@id("a") forbid(principal, action, resource) when { action in [Action::"read", Action::"write"] && !(action in Action::"connect") };')).toEqual([])
  })
})

describe('what would break Cedar is refused before it gets there', () => {
  const condition = (body: string): string => `@id("a") permit(principal, action, resource) when { ${body} };`
  test.each([
    ['brackets', condition(`${'('.repeat(5000)}true${')'.repeat(5000)}`)],
    ['sets', condition(`${'['.repeat(5000)}1${']'.repeat(5000)} == 1`)],
    ['alternatives', condition(Array(5000).fill('context.hour == 3').join(' || '))],
    ['sums', condition(`context.hour${' + 1'.repeat(5000)} == 3`)],
    ['conditionals', condition(`${'if true then '.repeat(5000)}true${' else false'.repeat(5000)}`)],
    ['calls', condition(`context.hour${'.isEmpty()'.repeat(5000)}`)],
    ['clauses', `@id("a") permit(principal, action, resource) ${'when { true } '.repeat(5000)};`],
    ['a long text', condition(`"a" like "${'*'.repeat(5000)}"`)],
  ])('%s', (_title, text) => {
    expect(faultsOf(text)).toHaveLength(1)
    expect(faultsOf(example)).toEqual([])
  })

  const deep = limits.bracketDepthMax - 2
  const many = limits.operatorsMax - 2
  test.each([
    ['brackets', `${'('.repeat(deep)}context.hour == 3${')'.repeat(deep)}`],
    ['alternatives', Array(many).fill('context.hour == 3').join(' || ')],
    ['sums', `context.hour${' + 1'.repeat(many)} == 3`],
    ['conditionals', `${'if context.hour == 3 then '.repeat(many)}true${' else false'.repeat(many)}`],
    ['brackets around alternatives', `${'(context.hour == 3 || !'.repeat(deep)}(${Array(many - 2 * deep).fill('context.hour == 3').join(' || ')})${')'.repeat(deep)}`.replace('!(', '(')],
    ['conditionals in brackets', `${'(if context.hour == 3 then '.repeat(deep)}${'if context.hour == 3 then '.repeat(many - deep)}true${' else false'.repeat(many - deep)}${' else false)'.repeat(deep)}`],
  ])('at the limit it is parsed, validated and evaluated: %s', (_title, body) => {
    const { policies, faults } = parse(condition(body))
    expect(faults).toEqual([])
    const engine = createEngine(schema, policies)
    expect(['allow', 'deny']).toContain(engine.decide(ask({}), { nowMs: NOON }).outcome)
    engine.dispose()
  })
})

describe('schemas', () => {
  test.each([
    ['a fact of two types', [records, { name: 'b', actions: {}, facts: { rows: 'string' } }]],
    ['an action of two classes', [records, { name: 'b', actions: { 'rec.get': 'write' }, facts: {} }]],
    ['a fact named like a circumstance', [{ name: 'b', actions: {}, facts: { hour: 'integer' } }]],
    ['a fact that is no Cedar name', [{ name: 'b', actions: {}, facts: { 'has-where': 'boolean' } }]],
    ['an action named like a class', [{ name: 'b', actions: { read: 'write' }, facts: {} }]],
    ['one protocol twice', [records, records]],
  ] as const)('refuse %s', (_title, protocols) => {
    expect(() => buildSchema(protocols)).toThrow(PolicySchemaError)
  })

  test('a class may be a protocol\'s own precise action', () => {
    expect(() => buildSchema([{ name: 'b', actions: { connect: 'connect' }, facts: {} }])).not.toThrow()
  })
})
