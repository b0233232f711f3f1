import { describe, expect, test } from '@jest/globals'
import { maskingRuleSpecSchema, planRequestSchema, type MaskingRule, type PlanRequest } from '@sallyport/contracts/masking'
import { z } from 'zod'
import { planFor } from './index.js'

const rule = (name: string, spec: z.input<typeof maskingRuleSpecSchema>): MaskingRule => ({ name, managedBy: 'git', version: 1, spec: maskingRuleSpecSchema.parse(spec) })
const pii = rule('pii', { connections: { names: ['orders'] }, columns: ['public.customers.email', '*.*.ssn'] })
const party = (uid: string, groups: string[]) => ({ kind: 'user' as const, issuer: 'corp', subject: uid, uid, groups })

const column = (schema: string, table: string, name: string, view = false) => ({ kind: 'column' as const, view, names: [{ schema, table, column: name }] })
const customers = [{ schema: null, name: 'customers' }]

const request = (parts: { touches?: Partial<PlanRequest['touches']>; origins?: PlanRequest['outputs'][number]['origin'][]; groups?: string[]; chain?: ReturnType<typeof party>[]; connection?: string; labels?: Record<string, string> }): PlanRequest =>
  planRequestSchema.parse({
    connection: { name: parts.connection ?? 'orders', protocol: 'postgres', labels: parts.labels ?? {}, revision: 1 },
    principal: { ...party('agent', parts.groups ?? []), kind: 'agent', chain: parts.chain ?? [] },
    touches: { relations: [], columns: [], everything: false, opaque: false, ...parts.touches },
    outputs: (parts.origins ?? []).map((origin) => ({ name: 'anything', origin })),
  })

const kinds = (plan: ReturnType<typeof planFor>): string[] => plan.outputs.map((output) => (output.kind === 'pass' ? 'pass' : output.transform.kind))
const unknown = { kind: 'unknown' as const }

describe('planFor: the decision table', () => {
  const selectsEmail = { relations: customers, columns: ['email', 'id'] }
  test.each<[string, Parameters<typeof request>[0], string[], boolean]>([
    ['a named column, whatever the output is called', { touches: selectsEmail, origins: [column('public', 'customers', 'email')] }, ['redact'], true],
    ['another column beside it', { touches: selectsEmail, origins: [column('public', 'customers', 'email'), column('public', 'customers', 'id')] }, ['redact', 'pass'], true],
    ['an expression over it', { touches: selectsEmail, origins: [unknown] }, ['null'], true],
    ['an expression over other columns of the table', { touches: { relations: customers, columns: ['id'] }, origins: [unknown] }, ['pass'], false],
    ['an expression over a column of that name in another table', { touches: { relations: [{ schema: null, name: 'suppliers' }], columns: ['email'] }, origins: [unknown] }, ['pass'], false],
    ['the same table name in another schema, resolved', { touches: { relations: [{ schema: 'archive', name: 'customers' }], columns: ['email'] }, origins: [unknown] }, ['pass'], false],
    ['a whole row', { touches: { relations: customers, everything: true }, origins: [unknown] }, ['null'], true],
    ['a star, resolved', { touches: { relations: customers, everything: true }, origins: [column('public', 'customers', 'id'), column('public', 'customers', 'email')] }, ['pass', 'redact'], true],
    ['a function that could return anything', { touches: { opaque: true }, origins: [unknown] }, ['null'], true],
    ['a constant in a statement that only filters by it', { touches: selectsEmail, origins: [unknown, column('public', 'customers', 'id')] }, ['null', 'pass'], true],
    ['a wildcard rule in any schema and table', { touches: { relations: [{ schema: 'hr', name: 'staff' }], columns: ['ssn'] }, origins: [column('hr', 'staff', 'ssn'), unknown] }, ['redact', 'null'], true],
    ['names in another case', { touches: { relations: [{ schema: null, name: 'CUSTOMERS' }], columns: ['EMAIL'] }, origins: [column('public', 'Customers', 'Email'), unknown] }, ['redact', 'null'], true],
    ['a partition, known under its parent too', { touches: { relations: [{ schema: null, name: 'customers_2024' }], columns: ['email'] }, origins: [{ kind: 'column', view: false, names: [{ schema: 'public', table: 'customers_2024', column: 'email' }, { schema: 'public', table: 'customers', column: 'email' }] }, unknown] }, ['redact', 'null'], true],
    ['an expression over a partition with its parent in the lineage', { touches: { relations: [{ schema: 'public', name: 'customers_2024', lineage: customers }], columns: ['email'] }, origins: [unknown] }, ['null'], true],
    ['a view\'s column with a named base column under another name', { touches: { relations: [{ schema: null, name: 'contacts' }], columns: ['contact'] }, origins: [{ kind: 'column', view: true, names: [{ schema: 'public', table: 'contacts', column: 'contact' }, { schema: 'public', table: 'customers', column: 'email' }] }] }, ['redact'], true],
    ['a view\'s column with other base columns', { touches: { relations: [{ schema: null, name: 'contacts', lineage: customers }], columns: ['id'] }, origins: [{ kind: 'column', view: true, names: [{ schema: 'public', table: 'contacts', column: 'id' }, { schema: 'public', table: 'customers', column: 'id' }] }] }, ['pass'], true],
    ['a renamed column of a view in an expression, tables under the view known', { touches: { relations: [{ schema: 'public', name: 'contacts', lineage: customers }], columns: ['contact'] }, origins: [unknown] }, ['null'], true],
    ['a computed column of a view over masked tables', { touches: { relations: [{ schema: 'public', name: 'contacts', lineage: customers }], columns: ['label'] }, origins: [column('public', 'contacts', 'label', true)] }, ['null'], true],
    ['a computed column of a view over other tables', { touches: { relations: [{ schema: 'public', name: 'totals', lineage: [{ schema: 'public', name: 'orders', columns: ['amount'] }] }], columns: ['total'] }, origins: [column('public', 'totals', 'total', true), unknown] }, ['pass', 'pass'], false],
    ['a view over a table of which nobody knows the columns, where a rule names a column in any table', { touches: { relations: [{ schema: 'public', name: 'totals', lineage: [{ schema: 'public', name: 'orders' }] }], columns: ['total'] }, origins: [unknown] }, ['null'], true],
    ['a view that uses other columns of a masked table', { touches: { relations: [{ schema: 'public', name: 'contacts', lineage: [{ schema: 'public', name: 'customers', columns: ['id'] }] }], columns: ['id'] }, origins: [column('public', 'contacts', 'id', true), unknown] }, ['pass', 'pass'], false],
    ['a column of a view of which nothing is known', { touches: { relations: [{ schema: null, name: 'totals' }], columns: ['total'] }, origins: [column('public', 'totals', 'total', true), unknown, column('public', 'orders', 'id')] }, ['null', 'null', 'pass'], true],
    ['nothing masked at all', { touches: { relations: [{ schema: null, name: 'orders' }], columns: ['id'] }, origins: [unknown, column('public', 'orders', 'id')] }, ['pass', 'pass'], false],
    ['another connection', { connection: 'reports', touches: { opaque: true }, origins: [unknown, column('public', 'customers', 'email')] }, ['pass', 'pass'], false],
  ])('%s', (_, parts, expected, touchesMasked) => {
    const plan = planFor([pii], request(parts))
    expect(kinds(plan)).toEqual(expected)
    expect(plan.touchesMasked).toBe(touchesMasked)
    expect(plan.columnRules).toBe(parts.connection === undefined)
  })

  test('without column rules even opaque operations pass, and detectors still run', () => {
    const secrets = rule('secrets', { connections: { matchLabels: {} }, detect: ['jwt', 'jwt'], patterns: [{ name: 'ticket', pattern: 'T-\\d+' }] })
    const plan = planFor([secrets], request({ touches: { opaque: true }, origins: [unknown] }))
    expect(plan).toEqual({ outputs: [{ kind: 'pass' }], touchesMasked: false, columnRules: false, detection: [{ rule: 'secrets', detectors: ['jwt'], patterns: secrets.spec.patterns, transform: { kind: 'redact' } }] })
  })

  test('of several rules the strictest transform wins, whatever their order and names', () => {
    const rules = [
      rule('d', { connections: { matchLabels: {} }, columns: ['*.*.email'], transform: { kind: 'partial', keep: 2 } }),
      rule('c', { connections: { matchLabels: {} }, columns: ['*.*.email'], transform: { kind: 'partial', keep: 8 } }),
      rule('b', { connections: { matchLabels: {} }, columns: ['*.*.email'], transform: { kind: 'hash' } }),
      rule('a', { connections: { matchLabels: {} }, columns: ['*.*.email'], transform: { kind: 'redact' } }),
      rule('e', { connections: { matchLabels: {} }, columns: ['*.*.email'], transform: { kind: 'null' } }),
    ]
    const winners = rules.map((_, count) => planFor([...rules.slice(0, count + 1)].reverse(), request({ origins: [column('public', 'customers', 'email')] })).outputs[0])
    expect(winners.map((output) => (output?.kind === 'mask' ? output.rule : output?.kind))).toEqual(['d', 'd', 'b', 'a', 'e'])
  })
})

describe('planFor: whom a rule is for', () => {
  const excepting = rule('pii', { connections: { matchLabels: { environment: 'prod' } }, columns: ['*.*.email'], except: { groups: ['privacy-officers'] } })
  const origins = [column('public', 'customers', 'email')]
  const labels = { environment: 'prod' }
  test.each<[string, Parameters<typeof request>[0], string]>([
    ['a principal in no excepted group', { labels, origins }, 'redact'],
    ['a principal in an excepted group', { labels, origins, groups: ['privacy-officers'] }, 'pass'],
    ['an agent that acts for a privacy officer', { labels, origins, chain: [party('ada', ['privacy-officers'])] }, 'redact'],
    ['an excepted agent that acts for somebody else', { labels, origins, groups: ['privacy-officers'], chain: [party('bob', ['dba'])] }, 'redact'],
    ['an excepted agent that acts for a privacy officer', { labels, origins, groups: ['privacy-officers'], chain: [party('ada', ['x', 'privacy-officers'])] }, 'pass'],
    ['a connection with another label', { labels: { environment: 'test' }, origins }, 'pass'],
    ['a connection without the label', { origins }, 'pass'],
  ])('%s', (_, parts, expected) => {
    expect(kinds(planFor([excepting], request(parts)))).toEqual([expected])
  })
})
