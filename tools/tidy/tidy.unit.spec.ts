import { execFileSync } from 'node:child_process'
import { readFileSync, globSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from '@jest/globals'

const root = path.join(import.meta.dirname, '../..')
const LINES_MAX = 400
const SPEC_LINES_MAX = 600

/** Every file in git's view: tracked, or new and not ignored. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).split('\n').filter((file) => file !== '')
  .filter((file) => globSync(file.replaceAll(/[[\]{}*?]/g, '?'), { cwd: root }).length > 0)
const sources = files.filter((file) => /^(apps|libs|e2e|bench|tools)\/.*\.(ts|mjs)$/.test(file))
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const isTest = (file: string): boolean => /\.spec\.ts$|\/test\/|^(e2e|bench|tools)\/|\/testing\//.test(file)

const packages = files.filter((file) => /^(apps|libs)\/.*package\.json$/.test(file)).map((file) => ({ dir: path.dirname(file), ...(JSON.parse(read(file)) as { name: string; nx?: { tags?: string[] }; dependencies?: object; devDependencies?: object; optionalDependencies?: object }) }))

describe('files', () => {
  it('are short', () => {
    const long = sources.map((file) => [file, read(file).split('\n').length] as const).filter(([file, lines]) => lines - 1 > (isTest(file) ? SPEC_LINES_MAX : LINES_MAX))
    expect(long).toEqual([])
  })

  it('have names that say what is in them, in kebab-case', () => {
    const banned = new Set(['common', 'shared', 'utils', 'util', 'helpers', 'helper', 'core', 'misc', 'lib', 'base'])
    const parts = sources.flatMap((file) => file.split('/').slice(1).map((part) => [file, part.replace(/(\.[a-z0-9]+)*\.(ts|mjs)$/, '')] as const))
    expect(parts.filter(([, part]) => banned.has(part))).toEqual([])
    expect(parts.filter(([, part]) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(part))).toEqual([])
  })

  it('have no default exports, no export *, and no TypeScript suppressions', () => {
    const offending = sources.filter((file) => file.endsWith('.ts') && /^export default |^export \* from|@ts-(ignore|nocheck)/m.test(read(file)) && !file.startsWith('tools/tidy/'))
    expect(offending).toEqual([])
  })

  it('read the environment in config.ts and main.ts only', () => {
    const offending = sources.filter((file) => /^(apps|libs)\/.*\/src\/.*\.ts$/.test(file) && !isTest(file) && !/\/(config|main)\.ts$/.test(file))
      .filter((file) => read(file).split('\n').some((line) => line.includes('process.env') && !line.includes('eslint-disable-line no-restricted-properties')))
    expect(offending).toEqual([])
  })
})

describe('packages', () => {
  it('are tagged with exactly one type', () => {
    const types = ['app', 'protocol', 'demo', 'kit', 'contract', 'engine', 'platform', 'testing', 'composition', 'registry'].map((type) => `type:${type}`)
    expect(packages.filter(({ nx }) => (nx?.tags ?? []).filter((tag) => types.includes(tag)).length !== 1).map(({ name }) => name)).toEqual([])
  })

  it('have one index.ts, or say for each entry which file it is', () => {
    const missing = packages.filter(({ dir }) => globSync('src/**/*.ts', { cwd: path.join(root, dir) }).length > 0 && globSync(['src/index.ts', 'src/*/index.ts'], { cwd: path.join(root, dir) }).length === 0)
    expect(missing.map(({ name }) => name)).toEqual([])
  })

  it('list the packages of the workspace that they import', () => {
    const unlisted = packages.flatMap(({ dir, name, dependencies, devDependencies, optionalDependencies }) => {
      const nested = packages.map((other) => `${other.dir}/`).filter((other) => other.startsWith(`${dir}/`) && other !== `${dir}/`)
      const own = sources.filter((file) => file.startsWith(`${dir}/`) && !nested.some((other) => file.startsWith(other)))
      const inSource = new Set(own.filter((file) => !isTest(file)).flatMap((file) => importsOf(read(file))))
      const inTests = new Set(own.filter(isTest).flatMap((file) => importsOf(read(file))))
      const listed = { ...dependencies, ...optionalDependencies }
      return [
        ...[...inSource].filter((imported) => imported !== name && !(imported in listed)),
        ...[...inTests].filter((imported) => imported !== name && !(imported in { ...listed, ...devDependencies })),
      ].map((imported) => `${name} imports ${imported}`)
    })
    expect([...new Set(unlisted)]).toEqual([])
  })
})

const importsOf = (text: string): string[] =>
  [...text.matchAll(/(?:from|import\()\s*'(@sallyport\/[a-z-]+)/g)].map((match) => match[1]!)

describe('a protocol', () => {
  const protocols = packages.filter(({ nx }) => nx?.tags?.includes('type:protocol') === true)
  const registry = 'libs/protocols/registry/'

  it.each(protocols.map(({ name, dir }) => [name, dir] as const))('%s is named in exactly one source file outside its own folder', (name, dir) => {
    const naming = sources.filter((file) => !file.startsWith(`${dir}/`) && !isTest(file) && importsOf(read(file)).includes(name))
    expect(naming).toEqual([`${registry}src/index.ts`])
  })

  it.each(protocols.map(({ name, dir }) => [name, dir] as const))('%s keeps the same file names as every other', (_name, dir) => {
    for (const file of ['session.ts', 'descriptor.ts', 'limits.ts']) expect(files).toContain(`${dir}/src/${file}`)
  })
})
