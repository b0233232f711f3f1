// Compiles src/ of the named workspace packages (all of them by default) to dist/, file by file, with swc.
// A file is compiled again only when it is newer than its output; outputs without a source are removed.
import { transformFile } from '@swc/core'
import { globSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync, existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const patterns = ['apps/*', 'libs/*', 'libs/platform/*', 'libs/protocols/*']
const wanted = process.argv.slice(2).map((dir) => path.resolve(dir))
const packages = patterns
  .flatMap((pattern) => globSync(`${pattern}/package.json`, { cwd: root }))
  .map((file) => path.join(root, path.dirname(file)))
  .filter((dir) => wanted.length === 0 || wanted.includes(dir))

const options = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    target: 'es2024',
  },
  module: { type: 'es6' },
  sourceMaps: true,
  swcrc: false,
}

let compiled = 0
for (const dir of packages) {
  const sources = globSync('src/**/*.ts', { cwd: dir }).filter((file) => !/\.spec\.ts$|\.d\.ts$/.test(file))
  const outputs = new Set(sources.map((file) => file.replace(/^src/, 'dist').replace(/\.ts$/, '.js')))
  for (const stale of globSync('dist/**/*.js', { cwd: dir })) {
    if (!outputs.has(stale)) rmSync(path.join(dir, stale))
  }
  await Promise.all(sources.map(async (file) => {
    const from = path.join(dir, file)
    const to = path.join(dir, file.replace(/^src/, 'dist').replace(/\.ts$/, '.js'))
    if (existsSync(to) && statSync(to).mtimeMs >= statSync(from).mtimeMs) return
    const { code, map } = await transformFile(from, { ...options, filename: from, sourceFileName: from })
    mkdirSync(path.dirname(to), { recursive: true })
    if (map) writeFileSync(`${to}.map`, map)
    // Renamed into place: somebody may be running what was there before, or building the same file.
    const partial = `${to}.${process.pid}`
    writeFileSync(partial, `${code}\n//# sourceMappingURL=${path.basename(to)}.map\n`)
    renameSync(partial, to)
    compiled += 1
  }))
}
if (compiled > 0) console.error(`built ${compiled} file${compiled === 1 ? '' : 's'}`)
