import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

const root = path.resolve(import.meta.dirname, '../..')
const registry = 'libs/protocols/registry/src/index.ts'
/** The platform keeps its own data in PostgreSQL: that name is everywhere, so only the imports can be looked for. */
const removable = readdirSync(path.join(root, 'libs/protocols')).filter((name) => !['kit', 'registry', 'postgres'].includes(name))
const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  .split('\0').filter((file) => file !== '')
const isSource = (file: string): boolean => /\.(ts|mjs|js)$/.test(file) && !file.startsWith('docs/')

it.each(removable)('%s is named in no source file outside its folder, but in the list of protocols', (name) => {
  const own = `libs/protocols/${name}/`
  // Not as a part of other names: `.ssh` is a folder, `ssh-ed25519` a kind of key.
  const named = new RegExp(`(?<![.\\w])${name}(?![-\\w])`, 'i')
  const files = tracked.filter((file) => isSource(file) && !file.startsWith(own) && named.test(readFileSync(path.join(root, file), 'utf8')))
  expect(files).toEqual([registry])
})

describe.each(removable)('without %s', (name) => {
  const copy = mkdtempSync(path.join(tmpdir(), `sallyport-without-${name}-`))
  const run = (args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [...args], { cwd: copy, encoding: 'utf8', env: { ...process.env, CI: 'false' }, maxBuffer: 64 * 1024 * 1024 })
    return status === 0 ? 'green' : `${stdout}${stderr}`
  }

  beforeAll(() => {
    for (const file of tracked.filter((each) => !each.startsWith(`libs/protocols/${name}/`))) {
      mkdirSync(path.dirname(path.join(copy, file)), { recursive: true })
      copyFileSync(path.join(root, file), path.join(copy, file))
    }
    linkModules(copy)
    for (const file of [registry, 'libs/protocols/registry/package.json']) writeFileSync(path.join(copy, file), withoutProtocol(readFileSync(path.join(root, file), 'utf8'), name))
  }, 60_000)
  afterAll(() => rmSync(copy, { recursive: true, force: true }))

  it('the rest compiles', () => {
    expect(run([path.join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json'])).toBe('green')
  }, 300_000)

  // Not the documents' own: they still describe it.
  it('the rest passes its tests', () => {
    expect(run(['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', path.join(root, 'node_modules/jest/bin/jest.js'), '-i', '--silent', '(apps|libs)/.*\\.unit\\.spec\\.ts$'])).toBe('green')
  }, 600_000)
})

/** The workspace's own packages from the copy, everything else from the checkout. */
const linkModules = (copy: string): void => {
  const modules = path.join(copy, 'node_modules')
  mkdirSync(path.join(modules, '@sallyport'), { recursive: true })
  for (const entry of readdirSync(path.join(root, 'node_modules'))) if (entry !== '@sallyport') symlinkSync(path.join(root, 'node_modules', entry), path.join(modules, entry))
  for (const file of tracked.filter((each) => each.endsWith('/package.json') && existsSync(path.join(copy, each)))) {
    const folder = path.join(copy, path.dirname(file))
    const nested = path.join(root, path.dirname(file), 'node_modules')
    if (path.dirname(file) !== '.' && existsSync(nested) && existsSync(folder)) symlinkSync(nested, path.join(folder, 'node_modules'))
    const { name } = JSON.parse(readFileSync(path.join(root, file), 'utf8')) as { readonly name: string }
    if (name.startsWith('@sallyport/')) symlinkSync(folder, path.join(modules, name))
  }
}

/** Its import and its place in the list go; in the manifest its dependency. */
const withoutProtocol = (text: string, name: string): string =>
  text.split('\n').filter((line) => !line.startsWith('import') || !line.includes(`@sallyport/protocol-${name}'`)).join('\n')
    .replace(new RegExp(`(?:, )?\\b${name}\\b(?=[,\\]])`), '')
    .replace(new RegExp(`, "@sallyport/protocol-${name}": "[^"]*"`), '')
