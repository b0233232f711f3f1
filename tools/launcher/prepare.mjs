// Gets everything that a command needs: npm's dependencies, the compiled sources, Debian's packages. Quick when all is there.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { packagesFor } from './debian-packages.mjs'

const root = path.join(import.meta.dirname, '../..')
const state = path.join(root, '.sallyport')
const LOCK_WAIT_MS = 15 * 60_000
const SYSTEM_DIRS = ['/usr/local/bin', '/usr/bin', '/usr/sbin', '/usr/local/sbin', '/sbin', '/bin']

const say = (text) => process.stderr.write(`sallyport: ${text}\n`)

const has = (program) => [...(process.env.PATH ?? '').split(':'), ...SYSTEM_DIRS].some((dir) => dir !== '' && existsSync(path.join(dir, program)))
const pythonHas = (module) => ['/usr/bin/python3', 'python3'].some((python) => spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0)

const present = ({ programs, pythonModule }) => (programs === undefined ? pythonHas(pythonModule) : programs.every(has))

const installPackages = (wanted) => {
  const missing = wanted.filter((need) => !present(need))
  if (missing.length === 0) return
  for (const need of missing) say(`installing ${need.package} (Debian package): ${need.why}`)
  const { status } = spawnSync('sh', [path.join(import.meta.dirname, 'apt-install.sh'), ...missing.map((need) => need.package)], { stdio: ['inherit', 'inherit', 'inherit'] })
  const still = missing.filter((need) => !present(need))
  if (status === 0 && still.length === 0) return
  say(`could not install ${still.map((need) => need.package).join(', ')}: install ${still.length === 1 ? 'it' : 'them'} yourself, then run this again`)
  process.exit(1)
}

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'))

/** Whether node_modules is what the lock file says: npm notes there what it installed. */
const installed = () => {
  const noted = path.join(root, 'node_modules/.package-lock.json')
  if (!existsSync(noted)) return false
  const have = readJson(noted).packages
  return Object.entries(readJson(path.join(root, 'package-lock.json')).packages).every(([where, entry]) => {
    if (!where.includes('node_modules/')) return true
    if (have[where] === undefined) return entry.optional === true || entry.peer === true
    return entry.link === true || have[where].version === entry.version
  })
}

const installDependencies = () => {
  const stamp = path.join(state, 'installed')
  const lock = path.join(root, 'package-lock.json')
  const fresh = `${statSync(lock).mtimeMs} ${statSync(lock).size}`
  if (existsSync(path.join(root, 'node_modules')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === fresh) return
  if (!installed()) {
    say('installing dependencies (npm ci): the lock file is new or has changed')
    const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 'inherit'] })
    if (status !== 0) {
      say('npm ci failed; the lines above say why')
      process.exit(1)
    }
  }
  writeFileSync(stamp, fresh)
}

/** One preparation at a time in a checkout; a lock left by a dead process is taken over. */
const locked = async (work) => {
  const lock = path.join(state, 'preparing')
  const deadline = Date.now() + LOCK_WAIT_MS
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      const holder = existsSync(lock) ? readFileSync(lock, 'utf8') : ''
      if (holder !== '' && !existsSync(`/proc/${holder}`)) rmSync(lock, { force: true })
      else if (Date.now() > deadline) throw new Error(`process ${holder} is still preparing this checkout: remove ${lock} if it is not`)
      else await new Promise((resolve) => { setTimeout(resolve, 200) })
    }
  }
  try {
    await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

mkdirSync(state, { recursive: true })
await locked(async () => {
  installPackages(packagesFor(root, process.argv[2] ?? 'client'))
  installDependencies()
  const { build } = await import('../build.mjs')
  const compiled = await build()
  if (compiled > 0) say(`compiled ${compiled} file${compiled === 1 ? '' : 's'}`)
})
