import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createSecretKey } from 'node:crypto'
import { compilePlan } from '@sallyport/masking-engine'
import type { Bus } from '@sallyport/messaging'
import type { Recognition } from '@sallyport/protocol-kit'
import { freshBus } from '@sallyport/testing'
import { pino } from 'pino'
import { CommandLog } from '../recording/command-log.js'
import { Recorder } from '../recording/recorder.js'
import { SessionJudge, type JudgeServices } from './session-judge.js'

let bus: Bus
beforeAll(async () => {
  bus = await freshBus('judge')
  await bus.ensureEventStream()
})
afterAll(() => bus.close())

const recognition: Recognition = {
  effects: [{ action: 'sql.create', class: 'schema', facts: {} }], action: 'sql.create', class: 'schema', fingerprint: 'f', provenRead: false, alwaysAllowed: false,
  touches: { relations: [], columns: [], everything: false, opaque: false }, literals: [], detail: undefined,
}
const reply = { outcome: 'deny', policies: [], reason: 'no', needs: [], dependsOn: [], validUntil: null, revision: 1 } as const
const plan = { outputs: [], detection: [], touchesMasked: false, revision: 1, hashKey: Buffer.alloc(32).toString('base64') } as unknown as Parameters<typeof compilePlan>[0]

test('texts that are refused before they run take no memory beyond the bound while no store takes their events', async () => {
  const recorder = new Recorder({ bus, proxy: 'px-judge', partitions: 1, tailBytesMax: 256 * 1024, logger: pino({ level: 'silent' }) })
  const record = recorder.open('ses_crowded')
  const digestKey = createSecretKey(Buffer.alloc(32, 1))
  const log = new CommandLog({ record, digestKey, acknowledgeMs: 1_000, onCarried: () => undefined, onApprovedEnd: () => undefined, onEnd: () => undefined })
  const services = { decisions: { decide: () => reply }, plans: { planFor: () => ({ reply: plan, plan: compilePlan(plan) }) }, recorder, digestKey, proxy: 'px-judge' } as unknown as JudgeServices
  const subject = { principal: { uid: 'erin', chain: [] }, connection: { name: 'shop', revision: 1 } } as unknown as ConstructorParameters<typeof SessionJudge>[1]
  const judge = new SessionJudge(services, subject, log)
  const text = `create table x (${'c text, '.repeat(5_000)})`
  for (let count = 0; count < 12 && !recorder.full; count += 1) expect(await judge.preflight(recognition, `${text} -- ${count}`)).toMatchObject({ code: 'denied' })
  expect(recorder.full).toBe(true)
  const { tailBytes } = recorder
  expect(await judge.preflight(recognition, text)).toMatchObject({ code: 'unavailable' })
  expect(recorder.tailBytes).toBe(tailBytes)
  record.stored(record.lastSequence)
  expect(await judge.preflight(recognition, text)).toMatchObject({ code: 'denied' })
  record.stored(record.lastSequence)
  await recorder.stop()
}, 30_000)
