// Compiles src/ of the named workspace packages (all of them by default) to dist/, file by file, with swc.
// A file is compiled again only when it is newer than its output; outputs without a source are removed.
import { existsSync, globSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const root = path.dirname(import.meta.dirname)
const patterns = ['apps/*', 'libs/*', 'libs/platform/*', 'libs/protocols/*', 'libs/protocols/*/demo']

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

const outputOf = (file) => file.replace(/^src/, 'dist').replace(/\.ts$/, '.js')

const packageDirs = (wanted) => {
  const chosen = wanted.map((dir) => path.resolve(dir))
  return patterns
    .flatMap((pattern) => globSync(`${pattern}/package.json`, { cwd: root }))
    .map((file) => path.join(root, path.dirname(file)))
    .filter((dir) => chosen.length === 0 || chosen.includes(dir))
}

const compile = async (from, to) => {
  const { transformFile } = await import('@swc/core')
  const { code, map } = await transformFile(from, { ...options, filename: from, sourceFileName: from })
  mkdirSync(path.dirname(to), { recursive: true })
  if (map) writeFileSync(`${to}.map`, map)
  // Renamed into place: somebody may be running what was there before, or building the same file.
  const partial = `${to}.${process.pid}`
  writeFileSync(partial, `${code}\n//# sourceMappingURL=${path.basename(to)}.map\n`)
  renameSync(partial, to)
}

/** Answers how many files were compiled. */
export const build = async (wanted = []) => {
  let compiled = 0
  for (const dir of packageDirs(wanted)) {
    const sources = globSync('src/**/*.ts', { cwd: dir }).filter((file) => !/\.spec\.ts$|\.d\.ts$/.test(file))
    const outputs = new Set(sources.map(outputOf))
    for (const stale of globSync('dist/**/*.js', { cwd: dir })) {
      if (!outputs.has(stale)) rmSync(path.join(dir, stale), { force: true })
    }
    await Promise.all(sources.map(async (file) => {
      const [from, to] = [path.join(dir, file), path.join(dir, outputOf(file))]
      if (existsSync(to) && statSync(to).mtimeMs >= statSync(from).mtimeMs) return
      await compile(from, to)
      compiled += 1
    }))
  }
  return compiled
}

if (process.argv[1] === import.meta.filename) {
  const compiled = await build(process.argv.slice(2))
  if (compiled > 0) console.error(`built ${compiled} file${compiled === 1 ? '' : 's'}`)
}
