import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { proxyPermissions, servicePermissions, type BusPermissions } from '@sallyport/contracts/permissions'
import { cancelTag } from '@sallyport/contracts/session'
import { connectBus, type Bus } from '@sallyport/messaging'
import { temporaryDir } from '@sallyport/testing'
import { natsAuthorization, passwordVariable, shippedNatsConfig, startNats, type EmbeddedNats } from './index.js'

const users = [...servicePermissions, proxyPermissions('proxy-1'), proxyPermissions('proxy-2')]
const passwords = new Map(users.map(({ user }) => [user, `p${randomBytes(12).toString('hex')}`]))
let server: EmbeddedNats
const connections = new Map<string, { connection: NatsConnection; refused: string[] }>()

beforeAll(async () => {
  const env = Object.fromEntries([...passwords].map(([user, password]) => [passwordVariable(user), password]))
  server = await startNats({ dataDir: temporaryDir('permissions'), ephemeral: true, config: natsAuthorization(users), env })
  for (const { user } of users) {
    const connection = await connect({ servers: server.url, user, pass: passwords.get(user)!, inboxPrefix: `_INBOX_${user}`, name: user })
    const refused: string[] = []
    void (async () => {
      for await (const status of connection.status()) if (status.type === 'error') refused.push(status.error.message)
    })()
    connections.set(user, { connection, refused })
  }
})
afterAll(async () => {
  for (const { connection } of connections.values()) await connection.close()
  await server.stop()
})

/** Whether the server let a user publish to (subscribe to) a subject: what it refuses it says. */
const mayPublish = async (user: string, subject: string): Promise<boolean> => {
  const { connection, refused } = connections.get(user)!
  connection.publish(subject, 'x')
  await connection.flush()
  await connection.flush()
  return !refused.some((line) => line.includes(`Publish to "${subject}"`))
}
const maySubscribe = async (user: string, subject: string): Promise<boolean> => {
  const { connection, refused } = connections.get(user)!
  const subscription = connection.subscribe(subject, { callback: () => undefined })
  await connection.flush()
  await connection.flush()
  subscription.unsubscribe()
  return !refused.some((line) => line.includes(`Subscription to "${subject}"`))
}

/** A subject of a permission, with something in the place of its wildcards. */
const concrete = (subject: string): string => subject.replace(/>$/, 'x.y').replaceAll('*', 'x')
const covers = (pattern: string, subject: string): boolean => {
  const [have, want] = [pattern.split('.'), subject.split('.')]
  return have.every((part, index) => part === '>' ? want.length > index : part === want[index] || (part === '*' && want[index] !== undefined && want[index] !== '>'))
    && (have.at(-1) === '>' || have.length === want.length)
}
const granted = (list: readonly string[], subject: string): boolean => list.some((pattern) => covers(pattern, subject))
const everyone = (select: (user: BusPermissions) => readonly string[]): string[] => [...new Set(users.flatMap((user) => select(user)))]

const jetstreamApi = [
  '$JS.API.INFO', '$JS.API.STREAM.NAMES', '$JS.API.STREAM.LIST', '$JS.API.STREAM.CREATE.OTHER', '$JS.API.ACCOUNT.PURGE.x',
  ...['UPDATE', 'DELETE', 'PURGE', 'MSG.DELETE', 'MSG.GET', 'SNAPSHOT', 'RESTORE', 'LEADER.STEPDOWN'].map((verb) => `$JS.API.STREAM.${verb}.SALLYPORT_EVENTS`),
  '$JS.API.DIRECT.GET.SALLYPORT_EVENTS', '$JS.API.CONSUMER.CREATE.SALLYPORT_EVENTS', '$JS.API.CONSUMER.CREATE.SALLYPORT_EVENTS.other',
  '$JS.API.CONSUMER.DURABLE.CREATE.SALLYPORT_EVENTS.other', '$JS.API.CONSUMER.NAMES.SALLYPORT_EVENTS', '$JS.ACK.SALLYPORT_EVENTS.other.1.1.1.1.1',
]

describe('a service\'s NATS credential', () => {
  it.each(users.map((user) => [user.user, user] as const))('%s publishes what it must, and is refused every other subject', async (name, user) => {
    const subjects = new Set([...everyone((other) => [...other.publish, ...other.subscribe]).map(concrete), ...jetstreamApi, 'sallyport.evt.control.other', 'anything', '$SYS.REQ.SERVER.PING', '_INBOX.x.y'])
    const wrong: string[] = []
    for (const subject of subjects) {
      if (await mayPublish(name, subject) !== granted(user.publish, subject)) wrong.push(subject)
    }
    expect(wrong).toEqual([])
    for (const subject of jetstreamApi) expect([subject, granted(user.publish, subject)]).toEqual([subject, false])
  })

  it.each(users.map((user) => [user.user, user] as const))('%s hears what it serves and its own inbox, and nothing else', async (name, user) => {
    const subjects = new Set([
      ...everyone((other) => [...other.publish, ...other.subscribe]), '>', 'sallyport.>', 'sallyport.evt.>', 'sallyport.rpc.>', '_INBOX.>', '$JS.>', '$SYS.>', '*.*',
    ])
    const wrong: string[] = []
    for (const subject of subjects) {
      if (await maySubscribe(name, subject) !== granted(user.subscribe, subject)) wrong.push(subject)
    }
    expect(wrong).toEqual([])
  })

  it('a wrong password does not get in', async () => {
    await expect(connect({ servers: server.url, user: 'api', pass: passwords.get('masking')! })).rejects.toThrow(/authorization/i)
    await expect(connect({ servers: server.url })).rejects.toThrow(/authorization/i)
  })

  it('proxies hear nobody\'s inbox but their own, and publish under no other name', () => {
    const [one, two] = [proxyPermissions('proxy-1'), proxyPermissions('proxy-2')]
    expect(two.subscribe.some((pattern) => covers(pattern, '_INBOX_proxy-1.x'))).toBe(false)
    expect(granted(two.publish, 'sallyport.evt.session.proxy-1.0')).toBe(false)
    expect(granted(one.publish, 'sallyport.evt.session.proxy-1.0')).toBe(true)
    for (const verb of ['request', 'get', 'withdraw', 'release', 'claim', 'executed']) {
      const asked = ['', '.proxy-1', '.proxy-2'].map((name) => granted(two.publish, `sallyport.rpc.approval.${verb}${name}`))
      expect([verb, ...asked]).toEqual([verb, false, false, true])
    }
    const cancels = (of: BusPermissions): string[] => of.subscribe.filter((pattern) => pattern.startsWith('sallyport.rpc.proxy.cancel.'))
    expect(cancels(one)).toEqual([`sallyport.rpc.proxy.cancel.${cancelTag('proxy-1')}`])
    expect(cancels(two)).not.toEqual(cancels(one))
  })
})

describe('with these credentials', () => {
  const bus = (name: string, user = name): Promise<Bus> => connectBus({ servers: server.url, user, password: passwords.get(user)!, name, instance: user })

  it('the store makes and reads the stream, and a proxy appends to it', async () => {
    const [store, proxy] = [await bus('audit-store'), await bus('connection-proxy', 'proxy-1')]
    await store.ensureEventStream({ bytesMax: 1024 * 1024 })
    await store.ensureEventStream({ bytesMax: 1024 * 1024 })
    const sequence = await proxy.append('sallyport.evt.session.proxy-1.0', 'one')
    const received = await new Promise<string>((resolve) => {
      const stop = store.consume({
        stream: 'SALLYPORT_EVENTS', durable: 'audit-store', batch: 10, startAfter: async () => sequence - 1,
        handler: async (messages) => {
          resolve(Buffer.from(messages[0]!.data).toString())
          void stop()
        },
      })
    })
    expect(received).toBe('one')
    expect((await store.streamState('SALLYPORT_EVENTS')).lastSequence).toBe(sequence)
    await Promise.all([store.close(), proxy.close()])
  })

  it('a request is answered to an inbox, and never to a subject on which the answer would count', async () => {
    const { z } = await import('zod')
    const contract = { subject: 'sallyport.rpc.policy.decide', request: z.object({}), response: z.object({ n: z.number() }) }
    const [policy, proxy, store] = [await bus('policy-decision'), await bus('connection-proxy', 'proxy-1'), await bus('audit-store')]
    policy.serve(contract, () => ({ n: 1 }))
    await policy.flush()
    expect(await proxy.call(contract, {})).toEqual({ n: 1 })

    const before = (await store.streamState('SALLYPORT_EVENTS')).lastSequence
    connections.get('proxy-1')!.connection.publish(contract.subject, '{}', { reply: 'sallyport.evt.control.policy-decision' })
    await connections.get('proxy-1')!.connection.flush()
    expect(await proxy.call(contract, {})).toEqual({ n: 1 })
    expect((await store.streamState('SALLYPORT_EVENTS')).lastSequence).toBe(before)
    await Promise.all([policy.close(), proxy.close(), store.close()])
  })

  it('the server\'s acknowledgement of an event, which can be asked for on any subject, takes nothing away from the stream', async () => {
    const store = await bus('audit-store')
    await store.ensureEventStream({ bytesMax: 1024 * 1024 })
    const { connection } = connections.get('proxy-1')!
    const before = await store.streamState('SALLYPORT_EVENTS')
    const verbs = ['STREAM.PURGE', 'STREAM.DELETE', 'STREAM.UPDATE', 'STREAM.MSG.DELETE']
    for (const verb of verbs) {
      connection.publish('sallyport.evt.session.proxy-1.0', 'one', { reply: `$JS.API.${verb}.SALLYPORT_EVENTS` })
      await connection.flush()
    }
    await store.flush()
    expect(await store.streamState('SALLYPORT_EVENTS')).toEqual({ ...before, bytes: expect.any(Number), lastSequence: before.lastSequence + verbs.length })
    await store.close()
  })
})

describe('deploy/nats/nats.conf', () => {
  it('is what these permissions say', () => {
    const file = path.join(import.meta.dirname, '../../../../deploy/nats/nats.conf')
    expect(readFileSync(file, 'utf8')).toBe(shippedNatsConfig())
  })
})
