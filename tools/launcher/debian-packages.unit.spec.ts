import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'

interface Need { readonly package: string; readonly programs?: readonly string[]; readonly pythonModule?: string; readonly why: string }
const { packagesFor } = await import(path.join(import.meta.dirname, 'debian-packages.mjs')) as { packagesFor(root: string, command: string): readonly Need[] }
const checkout = path.join(import.meta.dirname, '../..')

let root: string
beforeEach(() => { root = mkdtempSync(path.join(tmpdir(), 'sallyport-packages-')) })
afterEach(() => rmSync(root, { recursive: true, force: true }))

const declare = (protocol: string, list: unknown): void => {
  mkdirSync(path.join(root, 'libs/protocols', protocol), { recursive: true })
  writeFileSync(path.join(root, 'libs/protocols', protocol, 'debian-packages.json'), JSON.stringify(list))
}
const need = (name: string): Need => ({ package: name, programs: [name], why: 'a test' })
const names = (command: string, where = root): readonly string[] => packagesFor(where, command).map((each) => each.package)

test('a protocol says what its demo, tests and benchmarks need; the tests run the demo, too; each is installed once', () => {
  declare('one', { demo: [need('shown')], test: [need('tried'), need('both')] })
  declare('two', { test: [need('both')], bench: [need('measured')] })
  expect(names('up')).toEqual(['nats-server'])
  expect(names('demo')).toEqual(['nats-server', 'shown'])
  expect(names('test')).toEqual(['nats-server', 'shown', 'tried', 'both'])
  expect(names('bench')).toEqual(['nats-server', 'measured'])
  expect(names('client')).toEqual([])
})

test.each([
  { demo: [{ package: 'shown', why: 'nothing says whether it is there' }] },
  { demo: [{ package: '-y something', programs: ['x'], why: 'an option' }] },
  { sometimes: [need('shown')] },
])('a list that can\'t be used is said, with its file: %j', (list) => {
  declare('one', list)
  expect(() => packagesFor(root, 'demo')).toThrow('libs/protocols/one/debian-packages.json')
})

test('every list of this checkout can be used', () => {
  for (const command of ['demo', 'test', 'bench']) expect(names(command, checkout)).toContain('nats-server')
})
