import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseConfiguration } from '@sallyport/cli'
import { buildSchema, parsePolicies } from '@sallyport/policy-engine'
import { protocols } from '@sallyport/protocols'
import { codeBlocks, page, root, tableRows } from './markdown.js'

describe('examples', () => {
  const schema = buildSchema(protocols)
  const cedar = codeBlocks('cedar').map((block) => [`${block.file}:${block.line}`, block.text] as const)
  const yaml = codeBlocks('yaml').map((block) => [`${block.file}:${block.line}`, block.text] as const)

  it('are there', () => {
    expect(cedar.length).toBeGreaterThan(10)
    expect(yaml.length).toBeGreaterThan(2)
  })

  it.each(cedar)('of policies at %s are valid', (_place, text) => {
    expect(parsePolicies(schema, [{ name: 'example', text }]).faults).toEqual([])
  })

  it.each(yaml)('of configuration at %s are valid', (_place, text) => {
    expect(parseConfiguration([{ path: 'example.yaml', text }]).faults).toEqual([])
  })
})

describe.each(protocols.map((protocol) => [protocol.name, protocol] as const))('the page of %s', (name, { actions, facts }) => {
  const rows = tableRows(page(`docs/protocols/${name}.md`).text)
  const cedarTypes = { boolean: 'Bool', integer: 'Long', string: 'String', strings: 'Set<String>' } as const
  const coded = (cell: string | undefined): string => /^`([^`]+)`$/.exec(cell ?? '')?.[1] ?? ''

  it('lists every action with its class', () => {
    const prefixes = new Set(Object.keys(actions).map((action) => action.split('.')[0]))
    const listed = rows.filter(([first]) => coded(first).includes('.') && prefixes.has(coded(first).split('.')[0])).map(([action, actionClass]) => [coded(action), coded(actionClass)])
    expect(Object.fromEntries(listed)).toEqual(actions)
  })

  it('lists every fact with its type', () => {
    const types = new Set<string>(Object.values(cedarTypes))
    const listed = rows.filter(([, second]) => types.has(coded(second))).map(([fact, type]) => [coded(fact), coded(type)])
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(Object.entries(facts).map(([fact, type]) => [fact, cedarTypes[type]])))
  })
})

describe('the page of limits', () => {
  const { text } = page('docs/limits.md')
  const rows = tableRows(text)

  it('names constants and settings where they are', () => {
    const wrong = rows.flatMap((cells) => {
      const where = cells.at(-1) ?? ''
      const file = /\]\(\.\.\/([^)]+)\)/.exec(where)?.[1]
      if (file === undefined) return []
      const source = readFileSync(path.join(root, file), 'utf8')
      return [...where.matchAll(/`([A-Za-z_]+)`/g)].map((match) => match[1]!).filter((constant) => !source.includes(constant)).map((constant) => `${constant} is not in ${file}`)
    })
    expect(wrong).toEqual([])
  })

  /** As the page writes a value, by the unit at the end of its name. */
  const written = (name: string, value: number): string => {
    if (/bytes(max|min)?$/i.test(name) && value % 1024 ** 2 === 0) return `${value / 1024 ** 2} MiB`
    if (/bytes(max|min)?$/i.test(name) && value % 1024 === 0) return `${value / 1024} KiB`
    if (/(ms|ms_max|msmax)$/i.test(name)) return value % 86_400_000 === 0 ? `${value / 86_400_000} d` : value % 3_600_000 === 0 ? `${value / 3_600_000} h` : value < 1000 ? `${value} ms` : `${value / 1000} s`
    return value.toLocaleString('en')
  }

  it.each([...globSync('libs/protocols/*/src/**/limits.ts', { cwd: root }).sort(), 'libs/policy-engine/src/limits.ts', 'apps/approval/src/limits.ts'])('has each limit of %s with its value', async (file) => {
    const exported = await import(path.join(root, file)) as Record<string, unknown>
    const grouped = Object.entries(exported).filter(([name]) => /limits$/i.test(name)).map(([, group]) => group as object)
    const numbers = Object.entries(Object.assign({}, exported, ...grouped) as Record<string, unknown>).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
    expect(numbers.length).toBeGreaterThan(5)
    const missing = numbers.filter(([name, value]) => !rows.some((cells) => (cells.at(-1) ?? '').includes(`\`${name}\``) && cells.some((cell) => cell.includes(written(name, value)))))
    expect(missing.map(([name, value]) => `${name} = ${written(name, value)}`)).toEqual([])
  })
})
