// Type check, lint and every spec. The last line says how many passed and failed; type check and lint count as one each.
// Arguments go to Jest: paths narrow what runs.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'

const root = path.join(import.meta.dirname, '../..')
const report = path.join(root, '.sallyport', 'test-report.json')
const running = new Set()

/** Runs a program of node_modules to its end; answers its exit status. */
const run = (name, args, env = {}) => new Promise((resolve) => {
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'inherit'] })
  running.add(child)
  child.once('error', (error) => {
    process.stderr.write(`sallyport: ${name} could not be started: ${error.message}\n`)
    resolve(1)
  })
  child.once('exit', (code) => {
    running.delete(child)
    resolve(code ?? 1)
  })
})

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    for (const child of running) child.kill(signal)
    process.exitCode = 1
  })
}

const check = async (name, args, env = {}) => {
  const status = await run(name, args, env)
  process.stdout.write(`${status === 0 ? 'ok' : 'FAILED'}: ${name}\n`)
  return status === 0
}

const checks = await Promise.all([
  check('type check', ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json']),
  // Where CI is set, Nx's rule of the boundaries misses imports (tools/tidy/boundaries.int.spec.ts).
  check('lint', ['node_modules/eslint/bin/eslint.js', '--max-warnings', '0', '.'], { CI: 'false' }),
])
mkdirSync(path.dirname(report), { recursive: true })
rmSync(report, { force: true })
const jest = await run('jest', [
  '--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js',
  '--maxWorkers=2', '--forceExit', '--json', `--outputFile=${report}`, ...process.argv.slice(2),
], { FORCE_COLOR: process.stdout.isTTY ? '1' : '0' })

const summary = () => {
  try {
    return JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    return undefined
  }
}
const result = summary()
// A spec file that could not run at all counts as one failure: its tests are unknown.
const passed = checks.filter(Boolean).length + (result?.numPassedTests ?? 0)
const failed = checks.filter((ok) => !ok).length + (result === undefined ? 1 : result.numFailedTests + result.numRuntimeErrorTestSuites)
const unexplained = jest !== 0 && failed === 0 ? 1 : 0
if (result !== undefined && result.numPendingTests > 0) process.stdout.write(`${result.numPendingTests} skipped\n`)
process.stdout.write(`${passed} passed, ${failed + unexplained} failed\n`)
process.exitCode = failed + unexplained === 0 ? 0 : 1
