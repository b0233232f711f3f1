import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type pg from 'pg'
import type { Platform } from './harness/platform.js'
import { SECRETS, startShop } from './harness/shop.js'

let platform: Platform
let agent: pg.Client
const notices: string[] = []

beforeAll(async () => {
  platform = await startShop()
  agent = await platform.client('shop', await platform.agentToken())
  agent.on('notice', (notice) => { notices.push(notice.message ?? '') })
}, 90_000)

afterAll(async () => {
  await agent?.end()
  await platform?.stop()
})

const targetOrders = async (): Promise<string> => {
  const client = await platform.direct('shop')
  const { rows } = await client.query('select id, status from orders order by id')
  await client.end()
  return JSON.stringify(rows)
}

describe('what is allowed', () => {
  test('a read passes, and is in the log with who, what and by which policy', async () => {
    const { rows } = await agent.query('select id, status from orders order by id')
    expect(rows).toEqual([{ id: 1, status: 'paid' }, { id: 2, status: 'paid' }, { id: 3, status: 'open' }])
    await agent.query('select 1')
    await platform.settled()
    const [command] = await platform.commands({ text: 'select id, status' })
    expect(command).toMatchObject({ uid: 'coding-agent', connection: 'shop', action: 'sql.select', class: 'read', decision: { outcome: 'allow', policies: ['agents-read'] } })
    expect(command!.finish).toMatchObject({ outcome: 'completed', rows: 3 })
  })

  test('parameters, prepared statements and pipelined transactions work', async () => {
    for (let run = 0; run < 3; run += 1) {
      const { rows } = await agent.query({ name: 'by-id', text: 'select status from orders where id = $1', values: [3] })
      expect(rows).toEqual([{ status: 'open' }])
    }
    await agent.query('begin')
    await agent.query('update orders set total = total + 1 where id = $1', [3])
    await agent.query('rollback')
    expect((await agent.query('select total from orders where id = 3')).rows).toEqual([{ total: 50 }])
  })
})

describe('what is masked', () => {
  test('a column by its origin, whatever it is called; names pass', async () => {
    const { rows } = await agent.query('select name, email as contact from customers order by id')
    expect(rows.map((row) => row.name)).toEqual(['Ada', 'Grace'])
    for (const row of rows) expect(SECRETS.emails).not.toContain(row.contact)
  })

  test('an expression over a masked column is nulled', async () => {
    const { rows } = await agent.query('select upper(email) as u, reverse(email) as r from customers')
    for (const row of rows) expect(row).toEqual({ u: null, r: null })
  })

  test('a secret that no rule names, by what it is', async () => {
    const { rows } = await agent.query('select body from notes')
    expect(rows[0].body).toContain('the key is ')
    expect(rows[0].body).not.toContain(SECRETS.key)
  })
})

describe('what is denied', () => {
  test('a denial has the text, the ids, the remedy and 42501; the session goes on', async () => {
    await expect(agent.query('drop table notes')).rejects.toMatchObject({
      code: '42501', severity: 'ERROR', message: expect.stringMatching(/^Sallyport denied this command: Schema changes go through migrations\. \[policy no-schema-changes, command cmd_/),
    })
    expect((await agent.query('select count(*)::int as n from notes')).rows).toEqual([{ n: 1 }])
  })

  test('a denial aborts the transaction, as an error of the target does', async () => {
    await agent.query('begin')
    await agent.query('update orders set status = \'lost\' where id = 3')
    await expect(agent.query('drop table notes')).rejects.toMatchObject({ code: '42501' })
    await expect(agent.query('select 1')).rejects.toMatchObject({ code: '25P02' })
    await agent.query('rollback')
    expect(await targetOrders()).toContain('"id":3,"status":"open"')
  })

  test('a batch is judged whole before any of it runs', async () => {
    const before = await targetOrders()
    await expect(agent.query('update orders set status = \'x\'; drop table notes')).rejects.toMatchObject({ code: '42501' })
    expect(await targetOrders()).toBe(before)
  })

  test('what the parser can\'t read is refused as unrecognised, and recorded', async () => {
    await expect(agent.query('selec 1 fro nowhere')).rejects.toMatchObject({ code: '0A000' })
    await platform.settled()
    const refused = (await platform.commands()).filter((command) => command.class === 'unrecognised')
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]).toMatchObject({ status: 'refused' })
  })

  test('the target never saw any of it', async () => {
    const log = await import('node:fs').then((fs) => fs.readFileSync(platform.target.logFile, 'utf8'))
    expect(log).not.toContain('drop table notes')
    expect(log).not.toContain('fro nowhere')
  })
})

describe('what is held', () => {
  test('approved: the client waits, is told why, and then has its result', async () => {
    notices.length = 0
    const running = agent.query('delete from orders where id = $1', [1])
    const approval = await platform.pending()
    expect(approval).toMatchObject({ connection: 'shop', action: 'sql.delete', mode: 'hold', principal: { uid: 'coding-agent' } })
    expect(await targetOrders()).toContain('"id":1')
    expect(notices.join()).toContain(approval.id)
    await platform.approve(approval.id, 'ticket 7')
    expect((await running).rowCount).toBe(1)
    expect(await targetOrders()).not.toContain('"id":1')
    await agent.query('select 1')
    await platform.settled()
    const [command] = (await platform.commands({ text: 'delete from orders' })).filter((each) => each.status === 'completed')
    expect(command).toMatchObject({ approval: { id: approval.id, by: ['bob'] } })
  })

  test('denied: the comment reaches the client, the target stays as it is', async () => {
    const running = agent.query('delete from orders where id = $1', [2])
    running.catch(() => undefined)
    const approval = await platform.pending()
    await platform.deny(approval.id, 'keep it')
    await expect(running).rejects.toMatchObject({ message: expect.stringContaining('keep it') })
    expect(await targetOrders()).toContain('"id":2')
  })

  test('the requester, the agent\'s owner and strangers can\'t approve', async () => {
    const running = agent.query('delete from orders where id = $1', [2])
    running.catch(() => undefined)
    const approval = await platform.pending()
    for (const uid of ['coding-agent', 'alice']) {
      await expect(platform.approve(approval.id, 'ok', { ...platform.bob, subject: uid, uid })).rejects.toMatchObject({ code: 'forbidden' })
    }
    await expect(platform.approve(approval.id, 'ok', { ...platform.bob, uid: 'eve', subject: 'eve', groups: ['engineers'] })).rejects.toMatchObject({ code: 'forbidden' })
    await platform.deny(approval.id)
    await expect(running).rejects.toBeDefined()
  })

  test('parked: refused now, run once on retry after approval, then asked anew', async () => {
    const insert = 'insert into notes values (2, \'parked\')'
    const refusal = await agent.query(insert).catch((error: pg.DatabaseError) => error) as pg.DatabaseError
    expect(refusal.code).toBe('42501')
    const approval = await platform.pending()
    expect(approval.mode).toBe('park')
    await expect(agent.query(insert)).rejects.toMatchObject({ code: '42501' })
    await platform.approve(approval.id)
    await expect(agent.query('insert into notes values (3, \'another\')')).rejects.toMatchObject({ code: '42501' })
    expect((await agent.query(insert)).rowCount).toBe(1)
    await expect(agent.query(insert)).rejects.toMatchObject({ code: '42501' })
  })

  test('the client leaves: the request is withdrawn and nothing runs', async () => {
    const leaving = await platform.client('shop', await platform.agentToken('leaver'))
    const running = leaving.query('delete from orders where id = 3')
    running.catch(() => undefined)
    let id = ''
    for (let tries = 0; tries < 500 && id === ''; tries += 1) {
      const approval = await platform.pending()
      if (approval.principal.uid === 'leaver') id = approval.id
    }
    ;(leaving as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
    for (let tries = 0; tries < 500; tries += 1) {
      if ((await platform.approval(id)).status === 'withdrawn') break
      await new Promise((resolve) => { setTimeout(resolve, 10) })
    }
    expect((await platform.approval(id)).status).toBe('withdrawn')
    expect(await targetOrders()).toContain('"id":3')
  })
})

describe('who may not come in', () => {
  test('a wrong password, an expired token, an unknown connection, somebody without a policy', async () => {
    await expect(platform.client('shop', 'not a token')).rejects.toMatchObject({ code: '28P01' })
    await expect(platform.client('shop', await platform.issuer.token('coding-agent', ['ai-agents'], {}, '-1h'))).rejects.toMatchObject({ code: '28P01' })
    await expect(platform.client('nowhere', await platform.agentToken())).rejects.toMatchObject({ severity: 'FATAL' })
    await expect(platform.client('shop', await platform.issuer.token('mallory', []))).rejects.toMatchObject({ code: '42501' })
    await platform.settled()
    const refused = (await platform.sessions()).filter((session) => session.status === 'refused')
    expect(refused.length).toBeGreaterThanOrEqual(4)
  })
})
