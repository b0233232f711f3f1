// What one command takes, and one key in a recorded shell.
import assert from 'node:assert/strict'
import { connect, openShell, openssh, shown } from './clients.mjs'

/** So many times `ssh host true`, one end after the other. Milliseconds of each, by end. */
export const runCommands = async ({ platform, ends }, count) => {
  const ms = { direct: [], gateway: [] }
  const from = new Date().toISOString()
  for (let round = 0; round < count; round += 1) {
    for (const end of Object.values(ends)) ms[end.name].push(await openssh('ssh', end, [`${end.username}@${end.host}`, 'true']))
  }
  const { commands } = await platform.logged(from, count)
  assert.equal(commands.length, count)
  for (const { status, statement } of commands) assert.deepEqual([status, statement], ['completed', 'true'])
  return ms
}

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })

/** One key at a time into a program that the terminal echoes for, one end after the other, at a person's pace rather than a machine's. */
export const typeKeys = async ({ ends }, count) => {
  const ms = { direct: [], gateway: [] }
  const shells = []
  for (const end of Object.values(ends)) {
    const client = await connect(end)
    client.setNoDelay?.(true)
    const channel = await openShell(client)
    channel.write('PS1=; stty -icrnl; echo rea""dy; cat >/dev/null\n')
    await shown(channel, 'ready\r\n')
    await sleep(300)
    shells.push({ name: end.name, client, channel })
  }
  for (let key = 0; key < count; key += 1) {
    const letter = 'abcdefghijklmnopqrstuvwxyz'[key % 26]
    for (const { name, channel } of shells) {
      const echoed = shown(channel, letter)
      const began = performance.now()
      channel.write(letter)
      assert.equal(await echoed, letter)
      ms[name].push(performance.now() - began)
      await sleep(5)
    }
  }
  for (const { client } of shells) client.end()
  return ms
}
