// A hundred megabytes each way: scp up and down, and what `cat` says.
import assert from 'node:assert/strict'
import { createHash, randomFillSync } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { openssh } from './clients.mjs'

const COPIED_BYTES = 100_000_000
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Bytes that nothing compresses, and text in which something is to be masked. */
export const makeFiles = (dir) => {
  const binary = path.join(dir, 'random')
  writeFileSync(binary, randomFillSync(Buffer.alloc(COPIED_BYTES)))
  const text = path.join(dir, 'text')
  const line = '2026-11-22T21:05:05Z build 4711 of module payments: 312 files compiled, 0 warnings, took 5.31 s; nothing to report\n'
  const lines = Math.floor(COPIED_BYTES / line.length)
  writeFileSync(text, line.repeat(lines))
  return { binary, text, digests: { binary: sha256(readFileSync(binary)), text: sha256(readFileSync(text)) } }
}

const fileCopy = (flags, direction) => async (end, files, dir) => {
  const copy = path.join(dir, 'copy')
  rmSync(copy, { force: true })
  const there = (file) => `${end.username}@${end.host}:${file}`
  const ms = await openssh('scp', end, ['-q', ...flags, ...(direction === 'upload' ? [files.binary, there(copy)] : [there(files.binary), copy])])
  assert.equal(sha256(readFileSync(copy)), files.digests.binary, 'what arrived')
  rmSync(copy)
  return ms
}

const streamed = (kind) => async (end, files) => {
  const digest = createHash('sha256')
  const ms = await openssh('ssh', end, [`${end.username}@${end.host}`, `cat ${files[kind]}`], (chunk) => { digest.update(chunk) })
  assert.equal(digest.digest('hex'), files.digests[kind], 'what arrived')
  return ms
}

/** That the log holds the transfer, with its size and digest. */
const holdsFile = (direction) => ({ commands }, files) => {
  const found = commands.find(({ finish }) => finish?.facts?.direction === direction && finish.facts.size === COPIED_BYTES)
  assert.ok(found, `the log holds the ${direction}: ${JSON.stringify(commands.map(({ statement, finish }) => [statement, finish]))}`)
  assert.equal(found.status, 'completed')
  assert.equal(found.finish.facts.sha256, files.digests.binary)
}

const holdsOutput = (kind) => ({ commands }, files) => {
  assert.equal(commands.length, 1)
  assert.equal(commands[0].status, 'completed')
  assert.equal(commands[0].finish.digest, files.digests[kind])
}

export const copies = {
  'scp upload': { run: fileCopy([], 'upload'), holds: holdsFile('upload') },
  'scp download': { run: fileCopy([], 'download'), holds: holdsFile('download') },
  'scp -O upload': { run: fileCopy(['-O'], 'upload'), holds: holdsFile('upload') },
  'scp -O download': { run: fileCopy(['-O'], 'download'), holds: holdsFile('download') },
  'ssh cat': { run: streamed('binary'), holds: holdsOutput('binary') },
  'ssh cat of text': { run: streamed('text'), holds: holdsOutput('text') },
}

/** One copy through one end: megabytes per second. */
export const runCopy = async ({ platform, files, dir }, name, end) => {
  const from = new Date().toISOString()
  const ms = await copies[name].run(end, files, dir)
  if (end.name === 'gateway') copies[name].holds(await platform.logged(from, 1), files)
  return { ms, mbPerSecond: COPIED_BYTES / 1000 / ms }
}
