// Runs bench/NAME/main.mjs, or all of them one after another.
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import path from 'node:path'

const root = path.join(import.meta.dirname, '../..')
const known = globSync('bench/*/main.mjs', { cwd: root }).map((file) => path.basename(path.dirname(file))).sort()
const [name, ...rest] = process.argv.slice(2)
const isName = name !== undefined && !name.startsWith('-')
if (isName && !known.includes(name)) {
  process.stderr.write(`sallyport: there is no benchmark "${name}"; there are: ${known.join(', ') || 'none'}\n`)
  process.exit(2)
}

let child
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child?.kill(signal))
for (const bench of isName ? [name] : known) {
  const args = [path.join(root, 'bench', bench, 'main.mjs'), ...(isName ? rest : process.argv.slice(2))]
  const status = await new Promise((resolve) => {
    child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
    child.once('exit', (code) => resolve(code ?? 1))
  })
  if (status !== 0) {
    process.exitCode = status
    break
  }
}
