import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { EVENT_STREAM } from '@sallyport/contracts/events'
import { servicePermissions } from '@sallyport/contracts/permissions'
import { protocols } from '@sallyport/protocols'
import { anchors, page, pages, prose, root } from './markdown.js'

const targets = ({ file, text }: (typeof pages)[number]): { link: string; target: string; anchor: string | undefined }[] =>
  [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!).filter((link) => !/^[a-z]+:/.test(link)).map((link) => {
    const [to = '', anchor] = link.split('#')
    return { link, target: to === '' ? file : path.join(path.dirname(file), to), anchor }
  })

describe('links', () => {
  it('lead to files that exist', () => {
    const broken = pages.flatMap((each) => targets(each).filter(({ target }) => !existsSync(path.join(root, target))).map(({ link }) => `${each.file}: ${link}`))
    expect(broken).toEqual([])
  })

  it('name headings that exist', () => {
    const broken = pages.flatMap((each) => targets(each)
      .filter(({ target, anchor }) => anchor !== undefined && target.endsWith('.md') && existsSync(path.join(root, target)))
      .filter(({ target, anchor }) => !anchors(readFileSync(path.join(root, target), 'utf8')).has(anchor ?? ''))
      .map(({ link }) => `${each.file}: ${link}`))
    expect(broken).toEqual([])
  })

  it('reach every guide from the front page', () => {
    const seen = new Set<string>()
    const open = ['README.md']
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (seen.has(file)) continue
      seen.add(file)
      const found = pages.find((each) => each.file === file)
      if (found !== undefined) open.push(...targets(found).map(({ target }) => target))
    }
    expect(pages.map(({ file }) => file).filter((file) => !seen.has(file) && !file.startsWith('docs/adr/'))).toEqual([])
  })
})

describe('environment variables', () => {
  const variable = /\b(?:SALLYPORT|NATS_PASSWORD)_[A-Z0-9_]+\b/g
  const declaring = globSync(['apps/*/src/**/{config,main}.ts', 'libs/platform/*/src/**/config.ts'], { cwd: root })
  const declaredIn = (file: string): string[] => readFileSync(path.join(root, file), 'utf8').match(variable) ?? []
  // Settings of tests are named where tests are described.
  const testing = globSync(['e2e/**/*.ts', 'libs/protocols/*/test/**/*.ts'], { cwd: root })
  const declared = new Set([
    EVENT_STREAM,
    ...testing.flatMap((file) => readFileSync(path.join(root, file), 'utf8').match(/(?<=process\.env\[')SALLYPORT_[A-Z_]+(?='\])/g) ?? []),
    ...declaring.flatMap(declaredIn),
    ...protocols.map(({ name }) => `SALLYPORT_${name.toUpperCase()}_PORT`),
    ...[...servicePermissions.map(({ user }) => user), 'proxy-1', 'proxy-2'].map((user) => `NATS_PASSWORD_${user.toUpperCase().replaceAll('-', '_')}`),
  ])

  it('that a page names are read by a program', () => {
    const unknown = pages.flatMap(({ file, text }) => (text.match(variable) ?? []).filter((name) => !declared.has(name)).map((name) => `${file}: ${name}`))
    expect(unknown).toEqual([])
  })

  it('of every service are in the guide for operating', () => {
    const services = declaring.filter((file) => file.endsWith('config.ts') && !file.includes('/cli/'))
    const described = new Set(page('docs/guides/operating.md').text.match(variable) ?? [])
    const missing = services.flatMap((file) => declaredIn(file).filter((name) => !name.endsWith('_') && !described.has(name)).map((name) => `${file}: ${name}`))
    expect([...new Set(missing)]).toEqual([])
  })
})
