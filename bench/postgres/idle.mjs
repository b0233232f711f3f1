// What a session that does nothing costs the proxy: its resident memory before and with so many sessions.
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { inspect } from './inspector.mjs'
import { median } from './pgbench.mjs'

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })
const SAMPLES = 5
const AT_ONCE = 20
const WARM_SESSIONS = 20

const rssKb = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1])

/** Garbage is collected first, so that only what is held counts; median of several samples. */
const settledKb = async (pid, collect) => {
  const samples = []
  for (let index = 0; index < SAMPLES; index += 1) {
    await collect()
    await sleep(400)
    samples.push(rssKb(pid))
  }
  return { kb: median(samples), samples }
}

const openOne = async (end, tls) => {
  const client = new pg.Client({ ...end, ...(tls ? { ssl: { rejectUnauthorized: false } } : {}) })
  await client.connect()
  client.on('error', () => undefined)
  // A session that never worked would be cheaper than one at rest.
  const { rows } = await client.query({ name: 'one', text: 'select abalance from pgbench_accounts where aid = $1', values: [1] })
  if (rows[0].abalance !== null) throw new Error('a value was not masked')
  return client
}

const openMany = async (end, tls, count) => {
  const clients = []
  while (clients.length < count) clients.push(...await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - clients.length) }, () => openOne(end, tls))))
  return clients
}

const closeAll = async (clients) => {
  for (const client of clients) await client.end()
  await sleep(2_500)
}

/** `pid`: a proxy that has only just started, so that no memory of others' sessions is used again. A few sessions first: what is made once is not a session's. */
export const idleSessions = async ({ pid, end, tls, count }) => {
  const inspector = await inspect(pid)
  const collect = async () => {
    await inspector.send('HeapProfiler.collectGarbage')
    await inspector.send('HeapProfiler.collectGarbage')
  }
  try {
    await closeAll(await openMany(end, tls, WARM_SESSIONS))
    const before = await settledKb(pid, collect)
    const clients = await openMany(end, tls, count)
    const uncollectedKb = rssKb(pid)
    const during = await settledKb(pid, collect)
    await closeAll(clients)
    const after = await settledKb(pid, collect)
    return { sessions: count, tls, perSessionKb: (during.kb - before.kb) / count, perSessionBeforeCollectionKb: (uncollectedKb - before.kb) / count, before, during, after }
  } finally {
    await inspector.close()
  }
}
