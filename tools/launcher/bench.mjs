// Runs bench/NAME/main.mjs or, where a protocol brings its own, libs/protocols/NAME/bench/main.mjs; or all of them one after another.
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import path from 'node:path'

const root = path.join(import.meta.dirname, '../..')
const nameOf = (file) => path.basename(path.dirname(file).replace(/\/bench$/, ''))
// bench/ comes last, so that its own counts where both have one.
const known = new Map(['libs/protocols/*/bench/main.mjs', 'bench/*/main.mjs'].flatMap((pattern) => globSync(pattern, { cwd: root }).sort()).map((file) => [nameOf(file), file]))
const [name, ...rest] = process.argv.slice(2)
const isName = name !== undefined && !name.startsWith('-')
if (isName && !known.has(name)) {
  process.stderr.write(`sallyport: there is no benchmark "${name}"; there are: ${[...known.keys()].sort().join(', ') || 'none'}\n`)
  process.exit(2)
}

let child
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child?.kill(signal))
for (const file of isName ? [known.get(name)] : known.values()) {
  const args = [path.join(root, file), ...(isName ? rest : process.argv.slice(2))]
  const status = await new Promise((resolve) => {
    child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
    child.once('exit', (code) => resolve(code ?? 1))
  })
  if (status !== 0) {
    process.exitCode = status
    break
  }
}
