import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, afterEach } from '@jest/globals'
import { connectBus } from '@sallyport/messaging'
import { temporaryDir, waitFor } from '@sallyport/testing'
import pg from 'pg'
import { startNats, startPostgres } from './index.js'

const ends: (() => Promise<void>)[] = []
afterEach(async () => { for (const end of ends.splice(0)) await end() })

const query = async (url: string, text: string): Promise<unknown[]> => {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(text)).rows as unknown[]
  } finally {
    await client.end().catch(() => undefined)
  }
}

const exists = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))

describe('embedded PostgreSQL', () => {
  it('keeps its data, port and password over a stop, a crash and another run', async () => {
    const dataDir = temporaryDir('embedded')
    const first = await startPostgres({ dataDir })
    const { url } = first
    await query(url, 'create table kept (n int); insert into kept values (1)')
    first.kill()
    await first.restart({ log_statement: 'all' })
    expect(first.url).toBe(url)
    await query(url, 'insert into kept values (2)')
    await first.stop()
    expect(readFileSync(first.logFile, 'utf8')).toContain('insert into kept values (2)')

    const second = await startPostgres({ dataDir, port: first.port, ephemeral: true })
    ends.push(() => second.stop())
    expect(await query(url, 'select n from kept order by n')).toEqual([{ n: 1 }, { n: 2 }])
  })

  it('refuses a wrong password, and other addresses than loopback', async () => {
    const server = await startPostgres({ dataDir: temporaryDir('embedded'), ephemeral: true })
    ends.push(() => server.stop())
    const wrong = new URL(server.url)
    wrong.password = 'wrong'
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
    expect(await query(server.url, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }])
    expect(await query(server.url, 'show unix_socket_directories')).toEqual([{ unix_socket_directories: '' }])
  })

  it('does not let two processes have one data directory', async () => {
    const dataDir = temporaryDir('embedded')
    mkdirSync(dataDir)
    const other = spawn('sleep', ['60'])
    ends.push(async () => {
      other.kill()
      rmSync(dataDir, { recursive: true })
    })
    const started = readFileSync(`/proc/${other.pid}/stat`, 'latin1').split(') ')[1]!.split(' ')[19]
    writeFileSync(`${dataDir}/owner.json`, JSON.stringify({ pid: other.pid, started }))
    await expect(startPostgres({ dataDir })).rejects.toThrow(`in use by process ${other.pid}`)
  })

  it('ends a server that a killed run left behind, and goes on with its data', async () => {
    const dataDir = temporaryDir('embedded')
    const first = await startPostgres({ dataDir })
    await query(first.url, 'create table kept (n int)')
    const second = await startPostgres({ dataDir, ephemeral: true })
    ends.push(() => second.stop())
    expect(exists(first.pid)).toBe(false)
    expect(await query(second.url, 'select n from kept')).toEqual([])
  })
})

describe('embedded NATS', () => {
  it('keeps its streams and port over a crash, and clients come back by themselves', async () => {
    const server = await startNats({ dataDir: temporaryDir('embedded'), ephemeral: true })
    ends.push(() => server.stop())
    const bus = await connectBus({ servers: server.url, name: 'tester', instance: 'one' })
    ends.unshift(() => bus.close())
    await bus.ensureEventStream()
    expect(await bus.append('sallyport.evt.control.api', 'one')).toBe(1)
    server.kill()
    await waitFor(() => !bus.connected)
    await server.restart()
    await waitFor(() => bus.connected)
    expect(await bus.append('sallyport.evt.control.api', 'two')).toBe(2)
  })

  it('says what is wrong with a configuration', async () => {
    await expect(startNats({ dataDir: temporaryDir('embedded'), ephemeral: true, config: 'no_such_field: 1' })).rejects.toThrow(/no_such_field/)
  })
})

describe('when the process that started them is killed', () => {
  it('the servers go away, and so do their directories', async () => {
    const packageDir = path.dirname(import.meta.dirname)
    execFileSync(process.execPath, [path.join(packageDir, '../../../tools/build.mjs'), packageDir], { stdio: 'ignore' })
    const dir = temporaryDir('orphans')
    const script = `
      const { startNats, startPostgres } = await import('@sallyport/embedded')
      const nats = await startNats({ dataDir: '${dir}-nats', ephemeral: true })
      const postgres = await startPostgres({ dataDir: '${dir}-postgres', ephemeral: true })
      console.log(JSON.stringify([nats.pid, postgres.pid]))
      setInterval(() => {}, 1000)`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: packageDir, stdio: ['ignore', 'pipe', 'inherit'] })
    const pids = await new Promise<number[]>((resolve, reject) => {
      parent.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString()) as number[]))
      parent.once('exit', () => reject(new Error('it could not start the servers')))
    })
    expect(pids.map(exists)).toEqual([true, true])
    parent.kill('SIGKILL')
    await waitFor(() => !pids.some(exists), { timeoutMs: 15_000, what: 'the end of the servers' })
    await waitFor(() => !existsSync(`${dir}-nats`) && !existsSync(`${dir}-postgres`), { what: 'the removal of their directories' })
  })
})
