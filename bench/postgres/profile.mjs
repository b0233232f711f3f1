// Where the time goes: a CPU profile of one process of the platform under each load.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { inspect } from './inspector.mjs'
import { loads, runLoad } from './loads.mjs'
import { profileText } from './profile-summary.mjs'

/** Profiles `service` (a name of the ready file) and prints a summary per load and end; raw profiles go to `dir`. */
export const profileLoads = async ({ platform, ends, wanted, seconds, service: name, dir }) => {
  const inspector = await inspect(platform.processes[name])
  await inspector.send('Profiler.enable')
  await inspector.send('Profiler.setSamplingInterval', { interval: 250 })
  for (const [kind, load] of Object.entries(loads).filter(([each]) => wanted.includes(each))) {
    for (const end of ['stream', 'stored']) {
      await runLoad(platform, load, end, await ends[end](), 1)
      await inspector.send('Profiler.start')
      const result = await runLoad(platform, load, end, await ends[end](), seconds)
      const { profile } = await inspector.send('Profiler.stop')
      const file = path.join(dir, `${name}-${kind}-${end}.cpuprofile`)
      writeFileSync(file, JSON.stringify(profile))
      process.stdout.write(`\n${name}, ${kind}, ${end} (${file})\n${profileText(profile, result.transactions, 60)}\n`)
    }
  }
  await inspector.close()
}
