// What processes cost: their CPU time, with that of their children (a PostgreSQL works in them).
import { readdirSync, readFileSync } from 'node:fs'

const TICK_US = 10_000

const read = (file) => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Of every process: parent and CPU time in microseconds, that of ended children included. */
const table = () => new Map(readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return []
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return [[Number(pid), { parent: Number(fields[1]), cpuUs: fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_US }]]
}))

/** CPU time in microseconds of each named process so far. */
export const cpuOf = (processes) => {
  const all = table()
  const withChildren = (pid) => [...all].reduce((sum, [, { parent, cpuUs }]) => (parent === pid ? sum + cpuUs : sum), all.get(pid)?.cpuUs ?? 0)
  return Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, withChildren(pid)]))
}

/** The process that was started with this in its environment and this in its command line; not the shell that guards it. */
export const findProcess = (variable, program) => {
  const found = readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && read(`/proc/${pid}/environ`)?.split('\0').includes(variable) === true && read(`/proc/${pid}/comm`) !== 'sh\n' && read(`/proc/${pid}/cmdline`)?.includes(program) === true)
  return found === undefined ? undefined : Number(found)
}
