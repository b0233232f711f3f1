import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, expect, test } from '@jest/globals'
import type { DemoChapter } from '@sallyport/protocol-kit/demo'
import { protocols } from '@sallyport/protocols'
import { runProgram } from './harness/programs.js'

/** As many things as the database's story checks: a step that fell out silently would show here. */
const CHECKS = 16
const chapters: DemoChapter[] = []
for (const name of protocols.map((protocol) => `@sallyport/protocol-${protocol.name}-demo`)) {
  if (existsSync(path.resolve(import.meta.dirname, '../node_modules', name))) chapters.push(((await import(name)) as { chapter: DemoChapter }).chapter)
}
const root = path.resolve(import.meta.dirname, '..')

beforeAll(() => {
  execFileSync(process.execPath, ['tools/build.mjs'], { cwd: root })
}, 60_000)

test('the demo does what it says, through the public surface alone: up, apply, the real clients, REST', async () => {
  const { code, out, err } = await runProgram(process.execPath, [path.join(root, 'apps/standalone/dist/demo/main.js')], { ...(process.env as Record<string, string>), NO_COLOR: '1' })
  const said = Buffer.from(out, 'latin1').toString('utf8')
  expect(err).toBe('')
  expect(said).toContain('Every step did what it says.')
  expect(said.match(/^ {2}✓ /gm)).toHaveLength(CHECKS + chapters.reduce((sum, { checks }) => sum + checks, 0))
  for (const { title } of chapters) expect(said).toContain(title)
  expect(code).toBe(0)
}, 90_000)

test('an unknown option is said and ends with 2', async () => {
  const { code, err } = await runProgram(process.execPath, [path.join(root, 'apps/standalone/dist/demo/main.js'), '--fast'], process.env as Record<string, string>)
  expect(code).toBe(2)
  expect(err).toContain('unknown option --fast')
})
