import { CONNECTIONS, FaultPlatform, VICTIMS, type VictimName } from './fault-platform.js'
import { judge, type Verdict } from './evidence.js'
import { seeded } from './random.js'
import { newSeen, runWorkload, type Seen } from './workload.js'

export interface KillsResult extends Verdict {
  readonly seed: number
  readonly kills: Readonly<Record<string, number>>
  readonly seconds: number
  readonly errors: Readonly<Record<string, number>>
  /** Where the services' logs are, when something was wrong. */
  readonly logDir: string | undefined
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })

/** At seeded instants kills something that runs, lets it come back, and goes on; now and then only after everything is well again. */
const killAll = async (platform: FaultPlatform, seed: number, kills: number, say: (line: string) => void): Promise<void> => {
  const random = seeded(seed)
  let order: VictimName[] = []
  for (let count = 0; count < kills;) {
    // Each has its turn, in an order of chance.
    if (order.length === 0) order = [...VICTIMS].map((name) => ({ name, at: random.next() })).sort((a, b) => a.at - b.at).map(({ name }) => name)
    await pause(random.between(50, 900))
    const name = order.pop()!
    const victim = platform.victims.get(name)!
    const downMs = random.between(0, 800)
    if (!victim.running) {
      order.unshift(name)
      continue
    }
    victim.kill(downMs)
    count += 1
    say(`kill ${count}/${kills}: ${name}, down for ${downMs} ms`)
    if (random.next() < 0.4) await platform.allReady()
  }
}

/** After the last kill everything must work by itself: every kind of command on every connection. */
const finalRound = async (platform: FaultPlatform, seen: Seen): Promise<void> => {
  for (const connection of CONNECTIONS) {
    const client = await platform.client(connection)
    const marker = `mk_final_${connection === 'marks-stored' ? 1 : 2}`
    await client.query(`insert into marks values ('${marker}')`)
    const approving = setInterval(() => void platform.approvePending().catch(() => undefined), 100)
    await client.query(`delete from marks where marker = '${marker}x'`).finally(() => clearInterval(approving))
    const { rows } = await client.query('select email from people where id = 1')
    if (rows.length !== 1) seen.wrong.push('the last read did not answer its row')
    seen.succeeded.add(marker).add(`${marker}x`)
    seen.reads += 1
    await client.end()
  }
}

/** A judge that finds nothing may be blind: what nobody asked the gateway for must be found. */
const seesTheCanary = async (platform: FaultPlatform, seen: Seen, verdict: Verdict): Promise<void> => {
  await platform.sql(platform.target, "insert into marks values ('mk_canary_1')")
  seen.succeeded.add('mk_canary_2')
  seen.refused.add('mk_final_1')
  const again = (await judge(platform, seen)).faults.join()
  for (const marker of ['requested and allowed: mk_canary_1', 'requested and allowed: mk_canary_2', 'and it was: mk_final_1']) {
    if (!again.includes(marker)) verdict.faults.push(`the check does not see ${marker}: ${again}`)
  }
}

export const runKills = async (options: { readonly seed: number; readonly kills: number; readonly say?: (line: string) => void }): Promise<KillsResult> => {
  const { seed, kills, say = () => undefined } = options
  const started = performance.now()
  const platform = await FaultPlatform.start()
  const seen = newSeen()
  let verdict: Verdict = { faults: ['it was not judged'], counts: {} }
  try {
    let stopped = false
    const workload = runWorkload(platform, seen, () => stopped)
    await killAll(platform, seed, kills, say).finally(() => { stopped = true })
    await workload
    await platform.allReady()
    await finalRound(platform, seen)
    await platform.settled()
    verdict = await judge(platform, seen)
    await seesTheCanary(platform, seen, verdict)
  } catch (error) {
    verdict = { faults: [String(error), ...seen.wrong.slice(0, 10)], counts: {} }
  } finally {
    await platform.stop({ keepLogs: verdict.faults.length > 0 })
  }
  return {
    ...verdict, seed,
    kills: Object.fromEntries([...platform.victims].map(([name, victim]) => [name, victim.kills])),
    seconds: Math.round((performance.now() - started) / 1000),
    errors: Object.fromEntries(seen.errors),
    logDir: verdict.faults.length > 0 ? platform.logDir : undefined,
  }
}
