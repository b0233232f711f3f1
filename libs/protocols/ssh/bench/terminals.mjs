// What a recording of a terminal stores, and what a hundred terminals at once cost the proxy.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { inflateRawSync } from 'node:zlib'
import { inspect } from '../../../../bench/postgres/inspector.mjs'
import { connect, median, openShell, shown } from './clients.mjs'

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })
const AT_ONCE = 5
const WARM = 5

/** Works in a shell as a person does: looks around, reads a file, types line by line; answers the bytes that were shown. */
const work = async (channel, commands) => {
  let bytes = 0
  channel.on('data', (chunk) => { bytes += chunk.length })
  for (const [index, command] of commands.entries()) {
    const done = shown(channel, `done-${index}\r\n`)
    for (const key of `${command}; echo done""-${index}`) {
      channel.write(key)
      await sleep(2)
    }
    channel.write('\r')
    await done
  }
  return () => bytes
}

const SESSIONS = {
  'a person at a prompt': ['pwd', 'ls -l /etc | head -40', 'cat /etc/passwd | cut -d: -f1', 'uname -a', 'df -h', 'ps ax | head -30'],
  'a build that talks': ['for i in $(seq 1 2000); do echo "[$i/2000] compiling module_$i.c with flags -O2 -g"; done'],
  'much at once': ['seq 1 200000'],
}

const framesOf = async (auditor, session) => {
  const chunks = []
  for (let cursor; cursor !== null;) {
    const page = await auditor.get(`/v1/events?${new URLSearchParams({ session, limit: '200', ...(cursor === undefined ? {} : { cursor }) })}`)
    chunks.push(...page.items.flatMap(({ event }) => (event?.data?.frames === undefined ? [] : [event.data.frames])))
    cursor = page.next
  }
  return chunks
}

/** Bytes of a recording's frames, and of what is stored of them, for each byte that was shown. */
export const recordingSizes = async ({ platform, ends }) => {
  const sizes = {}
  for (const [name, commands] of Object.entries(SESSIONS)) {
    const from = new Date().toISOString()
    const client = await connect(ends.gateway)
    const channel = await openShell(client)
    const closed = once(channel, 'close')
    const bytes = await work(channel, commands)
    channel.write('exit\r')
    await closed
    client.end()
    const { sessions: [session] } = await platform.logged(from, 1)
    const chunks = await framesOf(await platform.auditor(), session.id)
    const frameBytes = chunks.reduce((sum, chunk) => sum + inflateRawSync(Buffer.from(chunk, 'base64')).length, 0)
    const storedBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    assert.ok(frameBytes >= bytes(), `${name}: ${frameBytes} bytes of frames for ${bytes()} bytes shown: something is not recorded`)
    sizes[name] = { shownBytes: bytes(), frameBytes, storedBytes, chunks: chunks.length }
  }
  return sizes
}

const rssKb = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1])

const openMany = async (end, count) => {
  const terminals = []
  while (terminals.length < count) {
    terminals.push(...await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - terminals.length) }, async () => {
      const client = await connect(end)
      const channel = await openShell(client)
      const done = shown(channel, 'done-0\r\n')
      channel.write('ls -l /usr/bin | head -300; echo done""-0\r')
      await done
      return { client, channel }
    })))
  }
  return terminals
}

/** Everybody's terminal says something at once. */
const busy = (terminals) => Promise.all(terminals.map(async ({ channel }) => {
  const done = shown(channel, 'done-1\r\n')
  channel.write('ls -lR /usr/share/doc | head -2000; echo done""-1\r')
  await done
}))

/** Resident memory of the proxy, in KB: before; with so many terminals that have worked; at most while all work; after garbage was collected. */
export const terminalsMemory = async ({ platform, ends }, count) => {
  const pid = platform.processes['proxy-1']
  const inspector = await inspect(pid)
  const collected = async () => {
    const samples = []
    for (let sample = 0; sample < 3; sample += 1) {
      await inspector.send('HeapProfiler.collectGarbage')
      await sleep(300)
      samples.push(rssKb(pid))
    }
    return median(samples)
  }
  try {
    for (const { client } of await openMany(ends.gateway, WARM)) client.end()
    await sleep(1000)
    const beforeKb = await collected()
    const terminals = await openMany(ends.gateway, count)
    const openKb = rssKb(pid)
    const openCollectedKb = await collected()
    let peakKb = 0
    const timer = setInterval(() => { peakKb = Math.max(peakKb, rssKb(pid)) }, 20)
    await busy(terminals)
    clearInterval(timer)
    const busyCollectedKb = await collected()
    for (const { client } of terminals) client.end()
    return { terminals: count, beforeKb, openKb, openCollectedKb, peakKb, busyCollectedKb }
  } finally {
    await inspector.close()
  }
}
