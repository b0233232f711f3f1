// Which Debian packages a command of the launcher needs. What a protocol's demo, tests and benchmarks need stands in its own folder.
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

const nats = { package: 'nats-server', programs: ['nats-server'], why: 'the services talk over NATS' }

/** Parts of a protocol's list for each command: the tests run the demo, too. */
const parts = { up: [], demo: ['demo'], test: ['demo', 'test'], bench: ['bench'] }

const isNeed = (need) => typeof need?.package === 'string' && /^[a-z0-9][a-z0-9.+-]+$/.test(need.package) && typeof need.why === 'string' && (Array.isArray(need.programs) ? need.programs.length > 0 : typeof need.pythonModule === 'string')

/** Each package once: `{ package, programs | pythonModule, why }`. Throws where a protocol's list can't be used. */
export const packagesFor = (root, command) => {
  if (!Object.hasOwn(parts, command)) return []
  const declared = globSync('libs/protocols/*/debian-packages.json', { cwd: root }).sort().flatMap((file) => {
    const list = JSON.parse(readFileSync(path.join(root, file), 'utf8'))
    const wrong = Object.keys(list).find((part) => !['demo', 'test', 'bench'].includes(part) || !Array.isArray(list[part]) || !list[part].every(isNeed))
    if (wrong !== undefined) throw new Error(`${file}: "${wrong}" is no list of packages`)
    return parts[command].flatMap((part) => list[part] ?? [])
  })
  const seen = new Set()
  return [nats, ...declared].filter((need) => !seen.has(need.package) && seen.add(need.package))
}
