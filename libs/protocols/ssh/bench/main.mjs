// SSH through the gateway beside a direct connection, interleaved in one run. See NOTES.md.
//   ./sallyport bench ssh [--rounds 3] [--commands 20] [--keys 300] [--terminals 100] [--only "terminals,copies,commands,keys,sizes"] [--copies "scp upload,ssh cat"] [--write]
//   --profile proxy-1 (or audit-store, …): instead, a CPU profile of that process under each copy
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { inspect } from '../../../../bench/postgres/inspector.mjs'
import { machine } from '../../../../bench/postgres/machine.mjs'
import { cpuOf } from '../../../../bench/postgres/processes.mjs'
import { profileText } from '../../../../bench/postgres/profile-summary.mjs'
import { makeEnds, median } from './clients.mjs'
import { copies, makeFiles, runCopy } from './copy.mjs'
import { runCommands, typeKeys } from './latency.mjs'
import { startPlatform } from './platform.mjs'
import { startSshd } from './sshd.mjs'
import { recordingSizes, terminalsMemory } from './terminals.mjs'

const { values } = parseArgs({ options: {
  rounds: { type: 'string', default: '3' }, commands: { type: 'string', default: '20' }, keys: { type: 'string', default: '300' }, terminals: { type: 'string', default: '100' },
  only: { type: 'string', default: 'terminals,copies,commands,keys,sizes' }, copies: { type: 'string', default: Object.keys(copies).join(',') }, profile: { type: 'string' }, write: { type: 'boolean', default: false },
} })
const wanted = values.only.split(',')
const wantedCopies = values.copies.split(',')
const say = (text) => process.stdout.write(`${text}\n`)
const rounded = (value) => Number(value.toFixed(3))

const measureCopies = async (bench) => {
  const measured = []
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    for (const copy of wantedCopies) {
      const results = {}
      for (const end of Object.values(bench.ends)) {
        const before = cpuOf(bench.platform.processes)
        results[end.name] = await runCopy(bench, copy, end)
        results[end.name].cpuMs = Object.fromEntries(Object.entries(cpuOf(bench.platform.processes)).map(([name, us]) => [name, Math.round((us - before[name]) / 1000)]).filter(([, ms]) => ms > 20))
      }
      const ratio = results.gateway.mbPerSecond / results.direct.mbPerSecond
      say(`round ${round}  ${copy.padEnd(18)} direct ${results.direct.mbPerSecond.toFixed(0)} MB/s, gateway ${results.gateway.mbPerSecond.toFixed(0)} MB/s: ${ratio.toFixed(2)}×; CPU ms: ${JSON.stringify(results.gateway.cpuMs)}`)
      measured.push({ round, copy, ratio, results })
    }
  }
  const figures = wantedCopies.map((copy) => {
    const value = rounded(median(measured.filter((each) => each.copy === copy).map(({ ratio }) => ratio)))
    return { figure: `100 MB, ${copy}: gateway ÷ direct`, limit: copy.endsWith('of text') ? undefined : '≥ 0.6', value, passed: copy.endsWith('of text') ? undefined : value >= 0.6 }
  })
  return { measured, figures }
}

const difference = (what, limitMs) => (ms) => {
  const [direct, gateway] = [median(ms.direct), median(ms.gateway)]
  return { measured: ms, figures: [{ figure: `${what}: gateway − direct`, limit: `≤ ${limitMs} ms`, value: rounded(gateway - direct), direct: rounded(direct), gateway: rounded(gateway), passed: gateway - direct <= limitMs }] }
}

const measureSizes = async (bench) => {
  const measured = await recordingSizes(bench)
  return { measured, figures: Object.entries(measured).flatMap(([name, { shownBytes, frameBytes, storedBytes }]) => [
    { figure: `a recording's frames ÷ what was shown, ${name}`, limit: '≤ 1.2', value: rounded(frameBytes / shownBytes), passed: frameBytes / shownBytes <= 1.2 },
    { figure: `as stored ÷ what was shown, ${name}`, value: rounded(storedBytes / shownBytes) },
  ]) }
}

const measureTerminals = async (bench) => {
  const measured = await terminalsMemory(bench, Number(values.terminals))
  const figure = (what, kb) => ({ figure: `${values.terminals} terminals, ${what}`, limit: '< 300 MB', value: rounded((kb - measured.beforeKb) / 1024), passed: (kb - measured.beforeKb) / 1024 < 300 })
  return { measured, figures: [figure('before garbage was collected', measured.openKb), figure('at most while all have output', measured.peakKb), figure('after garbage was collected', measured.busyCollectedKb)] }
}

const parts = {
  terminals: measureTerminals,
  copies: measureCopies,
  commands: async (bench) => difference('one ssh … true', 100)(await runCommands(bench, Number(values.commands))),
  keys: async (bench) => difference('a key\'s echo', 3)(await typeKeys(bench, Number(values.keys))),
  sizes: measureSizes,
}

const profile = async (bench, dir) => {
  const inspector = await inspect(bench.platform.processes[values.profile])
  await inspector.send('Profiler.enable')
  for (const copy of wantedCopies) {
    await runCopy(bench, copy, bench.ends.gateway)
    await inspector.send('Profiler.start')
    await runCopy(bench, copy, bench.ends.gateway)
    const { profile: taken } = await inspector.send('Profiler.stop')
    const file = path.join(dir, `${values.profile}-${copy.replaceAll(' ', '-')}.cpuprofile`)
    writeFileSync(file, JSON.stringify(taken))
    say(`\n${copy} (${file}), by megabyte: ${profileText(taken, 100, 45)}`)
  }
  await inspector.close()
}

const measure = async (bench) => {
  if (values.profile !== undefined) return profile(bench, mkdtempSync(path.join(tmpdir(), 'sallyport-profile-')))
  const facts = machine()
  const measured = {}
  const figures = []
  // Terminals first: in a proxy that has worked before, its free memory would be used again and not be seen.
  for (const name of Object.keys(parts).filter((each) => wanted.includes(each))) {
    const result = await parts[name](bench)
    measured[name] = result.measured
    figures.push(...result.figures)
    for (const { figure, limit, value, passed, direct, gateway } of result.figures) say(`${figure}: ${value}${direct === undefined ? '' : ` (direct ${direct}, gateway ${gateway})`}${limit === undefined ? '' : ` (${limit}) ${passed ? 'pass' : 'MISSED'}`}`)
  }
  if (figures.some(({ passed }) => passed === false)) process.exitCode = 1
  if (!values.write) return
  const results = path.join(import.meta.dirname, 'results')
  mkdirSync(results, { recursive: true })
  const at = new Date().toISOString()
  const file = path.join(results, `${at.replaceAll(/[:.]/g, '-')}.json`)
  writeFileSync(file, `${JSON.stringify({ at, machine: facts, options: values, figures, measured }, null, 2)}\n`)
  say(`kept in ${path.relative(process.cwd(), file)}`)
}

const dir = mkdtempSync(path.join(tmpdir(), 'sallyport-bench-'))
const stops = []
let stopped
let said = () => ''
const stopAll = () => (stopped ??= (async () => {
  for (const stop of stops.reverse()) await stop()
  rmSync(dir, { recursive: true, force: true })
})())
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stopAll().finally(() => process.exit(1)))
try {
  const sshd = await startSshd(dir)
  stops.push(() => sshd.stop())
  const platform = await startPlatform(dir, sshd)
  stops.push(() => platform.stop())
  said = platform.said
  const files = wanted.includes('copies') || values.profile !== undefined ? makeFiles(dir) : undefined
  await measure({ dir, platform, files, ends: makeEnds(dir, sshd, platform) })
} catch (error) {
  say(stops.length > 1 ? said() : '')
  throw error
} finally {
  await stopAll()
}
