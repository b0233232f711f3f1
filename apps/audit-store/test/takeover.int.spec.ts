import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { waitFor } from '@sallyport/testing'
import pg from 'pg'
import { newPlan } from '../src/admission/admit.js'
import { takeOver } from '../src/ledger/load-state.js'
import { FencedError, storeStatement, writePlan } from '../src/ledger/write-plan.js'
import { startPlatform, wholeSession, type Platform } from './fixtures.js'

const root = path.resolve(import.meta.dirname, '../../..')

describe('taking over', () => {
  let platform: Platform
  const children: ChildProcess[] = []

  const startProcess = (): ChildProcess => {
    const child = spawn(process.execPath, [path.join(root, 'apps/audit-store/dist/main.js')], {
      env: { ...process.env, SALLYPORT_NATS_URL: platform.natsUrl, SALLYPORT_DATABASE_URL: platform.databaseUrl, SALLYPORT_LOG_LEVEL: 'silent', NODE_OPTIONS: '' },
      stdio: 'ignore',
    })
    children.push(child)
    return child
  }
  const positions = async (): Promise<number> => {
    const { rows } = await platform.owner.query<{ position: string }>('select position from sequencer')
    return Number(rows[0]?.position)
  }

  beforeAll(async () => {
    const built = spawnSync(process.execPath, [path.join(root, 'tools/build.mjs'), ...['libs/contracts', 'libs/platform/messaging', 'libs/platform/persistence', 'libs/platform/runtime', 'apps/audit-store'].map((dir) => path.join(root, dir))], { cwd: root })
    if (built.status !== 0) throw new Error(String(built.stderr))
    platform = await startPlatform()
  })
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await platform.stop()
  })

  it('goes on after SIGKILL, again and again, and loses and doubles nothing', async () => {
    const scripts = Array.from({ length: 40 }, () => wholeSession(60))
    const total = scripts.reduce((sum, script) => sum + script.events.length, 0)
    let active = startProcess()
    await waitFor(async () => (await positions()) >= 0, { timeoutMs: 20_000 })
    let standby = startProcess()
    const publishing = (async () => {
      for (let from = 0; from < 63; from += 2) await Promise.all(scripts.map((script) => platform.publish('px1', script.events.slice(from, from + 2))))
    })()
    for (const part of [0.15, 0.4, 0.7]) {
      await waitFor(async () => (await positions()) >= total * part, { timeoutMs: 20_000 })
      active.kill('SIGKILL')
      await once(active, 'exit')
      active = standby
      standby = startProcess()
    }
    await publishing
    await platform.stored(total)
    expect(await positions()).toBe(total)
    expect(await platform.count('events')).toBe(total)
    expect(await platform.count('payloads')).toBe(total)
    expect((await platform.owner.query('select max(position)::int as last, count(distinct position)::int as different from events')).rows).toEqual([{ last: total, different: total }])
    expect((await platform.owner.query('select session, count(distinct sequence)::int as n, max(sequence)::int as last from events group by session having count(distinct sequence) <> 63 or max(sequence) <> 63')).rows).toEqual([])
    expect(await platform.count('commands', 'status = \'completed\'')).toBe(40 * 60)
    expect(await platform.count('gaps')).toBe(0)
    expect(await platform.count('quarantine')).toBe(0)
  })

  it('lets a sequencer that was replaced write nothing, though it does not know', async () => {
    await waitFor(async () => (await positions()) >= 0)
    for (const child of children) child.kill('SIGKILL')
    const pool = new pg.Pool({ connectionString: platform.databaseUrl, options: '-c search_path=audit_store', types: { getTypeParser: (oid: number, format?: string) => (oid === 20 ? Number : pg.types.getTypeParser(oid, format as 'text')) } as pg.CustomTypesConfig })
    try {
      const old = await takeOver(pool)
      await takeOver(pool)
      const plan = newPlan()
      await expect(writePlan(pool, { plan, statement: storeStatement(plan), tip: old, streamSequence: 1 })).rejects.toBeInstanceOf(FencedError)
    } finally {
      await pool.end()
    }
  })
})
