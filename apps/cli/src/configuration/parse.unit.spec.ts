import { describe, expect, test } from '@jest/globals'
import { parseConfiguration } from './parse.js'

const connection = `apiVersion: sallyport/v1
kind: Connection
metadata: { name: orders-prod, labels: { environment: prod } }
spec:
  protocol: postgres
  target: { host: 10.0.0.5, port: 5432, database: orders, tls: verify-full }
  credentials: { username: app, password: { env: ORDERS_PASSWORD } }
`
const parse = (text: string, path = 'a.yaml') => parseConfiguration([{ path, text }])
const places = (...files: readonly (readonly [path: string, text: string])[]): string[] =>
  parseConfiguration(files.map(([path, text]) => ({ path, text }))).faults.map(({ file, line, field }) => [file, line, field].filter((part) => part !== undefined).join(':'))

describe('a configuration', () => {
  test('is read with its defaults and positions', () => {
    const { configuration, faults } = parse(`# first\n${connection}---\napiVersion: sallyport/v1\nkind: RoleBinding\nmetadata: { name: auditors }\nspec: { role: auditor, groups: [auditors] }\n`)
    expect(faults).toEqual([])
    expect(configuration.connections).toEqual([{
      name: 'orders-prod', labels: { environment: 'prod' }, file: 'a.yaml', line: 3,
      spec: {
        protocol: 'postgres', target: { host: '10.0.0.5', port: 5432, database: 'orders', tls: 'verify-full' },
        credentials: { username: 'app', password: { env: 'ORDERS_PASSWORD' } }, durability: 'stored', recording: { results: 65536, output: 1024 * 1024 }, options: {},
      },
    }])
    expect(configuration.roleBindings).toMatchObject([{ name: 'auditors', spec: { role: 'auditor', groups: ['auditors'] }, line: 11 }])
  })

  test('takes policies by the names of their files', () => {
    expect(parse('permit(principal, action, resource);', 'dir/agents.cedar').configuration.policies).toEqual([{ name: 'agents', text: 'permit(principal, action, resource);', file: 'dir/agents.cedar' }])
  })

  test.each([
    ['a value out of range', connection.replace('port: 5432', 'port: 99999'), ['a.yaml:6:spec.target.port']],
    ['an unknown field', connection.replace('protocol: postgres', 'protocol: postgres\n  durabilty: stored'), ['a.yaml:6:spec.durabilty']],
    ['an unknown field at the top', `${connection}specs: {}\n`, ['a.yaml:8:specs']],
    ['an unknown field of the metadata', connection.replace('labels:', 'lables:'), ['a.yaml:3:metadata.lables']],
    ['a name that is none', connection.replace('orders-prod', 'Orders'), ['a.yaml:3:metadata.name']],
    ['no name', connection.replace('name: orders-prod, ', ''), ['a.yaml:3:metadata.name']],
    ['an unknown kind', connection.replace('Connection', 'Conection'), ['a.yaml:2:kind']],
    ['another version', connection.replace('sallyport/v1', 'sallyport/v2'), ['a.yaml:1:apiVersion']],
    ['no spec', 'apiVersion: sallyport/v1\nkind: Agent\nmetadata: { name: a }\n', ['a.yaml:1:spec']],
    ['labels where there are none', 'apiVersion: sallyport/v1\nkind: RoleBinding\nmetadata: { name: a, labels: { x: y } }\nspec: { role: admin, groups: [a] }\n', ['a.yaml:3:metadata.labels']],
    ['a secret that is none', connection.replace('{ env: ORDERS_PASSWORD }', 'hunter2'), ['a.yaml:7:spec.credentials.password']],
    ['a vault', connection.replace('{ env: ORDERS_PASSWORD }', '{ vault: kv/orders }'), ['a.yaml:7:spec.credentials.password']],
    ['the same object twice', `${connection}---\n${connection}`, ['a.yaml:10:metadata.name']],
    ['a key twice', `${connection}spec: {}\n`, ['a.yaml:8']],
    ['YAML that ends too early', `${connection}---\nkind: [\n`, ['a.yaml:10']],
    ['an unknown tag', connection.replace('protocol: postgres', 'protocol: !!js/function postgres'), ['a.yaml:5']],
    ['text', 'just text\n', ['a.yaml:1:']],
    ['a list', '- a\n', ['a.yaml:1:']],
    ['aliases that blow up', `a: &a [${'x, '.repeat(9)}x]\nb: &b [${'*a, '.repeat(60)}*a]\nc: [${'*b, '.repeat(60)}*b]\n`, ['a.yaml:1:']],
    ['nothing', '# nothing\n---\n---\n', []],
  ])('says where the fault is: %s', (_, text, expected) => {
    expect(places(['a.yaml', text]).filter((place, index, all) => all.indexOf(place) === index)).toEqual(expected)
  })

  test('never repeats a secret in a fault', () => {
    const { faults } = parse(connection.replace('{ env: ORDERS_PASSWORD }', '{ value: hunter2, file: hunter2 }'))
    expect(faults).toHaveLength(1)
    expect(JSON.stringify(faults)).not.toContain('hunter2')
  })

  test('has one object of a kind and name, and one policy document of a name, over all files', () => {
    expect(places(['a.yaml', connection], ['b.yaml', `\n${connection}`])).toEqual(['b.yaml:3:metadata.name'])
    expect(places(['a/x.cedar', ''], ['b/x.cedar', ''], ['Bad Name.cedar', ''])).toEqual(['b/x.cedar', 'Bad Name.cedar'])
  })

  test('with a fault still has the rest read', () => {
    const { configuration, faults } = parse(`kind: [\n---\n${connection}`)
    expect(faults.length).toBeGreaterThan(0)
    expect(configuration.connections).toHaveLength(1)
  })
})
