import { describe, expect, it } from '@jest/globals'
import { encodeBatch, sessionSubject } from '@sallyport/contracts/events'
import fc from 'fast-check'
import { admit, newPlan, type Plan } from '../src/admission/admit.js'
import type { SessionState } from '../src/admission/session-state.js'
import { readMessage } from '../src/intake/read-message.js'
import { foldEvents, type Changeset } from '../src/projection/changeset.js'
import { finishData, newScript, type Script } from './fixtures.js'

type Step = 'plain' | 'carried' | 'refused' | 'held' | 'withdrawn'

/** A valid history: every command of it ends as its grammar allows. */
const play = (steps: readonly Step[], closes: boolean): Script => {
  const script = newScript()
  script.open()
  let carried: string | undefined
  for (const step of steps) {
    const command = script.request(carried === undefined ? {} : { finished: [finishData(carried)] })
    carried = undefined
    if (step === 'held' || step === 'withdrawn') script.add('sallyport.command.held.v1', { command, approval: `ap_${command}`, mode: 'hold', needs: [] })
    if (step === 'held') script.add('sallyport.command.released.v1', { command, approval: `ap_${command}`, approvedBy: ['bob'] })
    if (step === 'withdrawn') script.add('sallyport.command.withdrawn.v1', { command, approval: `ap_${command}`, reason: 'gone' })
    else if (step === 'refused') script.add('sallyport.command.refused.v1', { command, code: 'denied', reason: 'no', policies: [] })
    else if (step === 'carried') carried = command
    else script.finish(command)
  }
  if (closes) script.close()
  return script
}

const take = (sessions: Map<string, SessionState>, plan: Plan, batch: readonly string[]): void => {
  const { events, poison } = readMessage(sessionSubject('px1', 0), Buffer.from(encodeBatch(batch)))
  plan.quarantined.push(...poison)
  for (const event of events) admit(sessions, event, plan, 0)
}

const projected = (plan: Plan): Changeset =>
  foldEvents(plan.accepted.map((event, index) => ({ position: index + 1, type: event.type, session: event.session, sequence: event.sequence, subject: event.subject, time: event.time, data: event.data })))

/** Without positions, which depend on what came first, and in an order of its own. */
const comparable = (set: Changeset): unknown => JSON.parse(JSON.stringify({
  opened: [...set.opened].sort(), endings: [...set.endings].sort(), progress: [...set.progress].sort(), commands: [...set.commands].sort(), patches: [...set.patches].sort(), faults: set.faults,
}, (key, value: unknown) => (key === 'position' || key === 'firstPosition' ? undefined : value)))

const histories = fc.array(fc.tuple(fc.array(fc.constantFrom<Step>('plain', 'carried', 'refused', 'held', 'withdrawn'), { maxLength: 8 }), fc.boolean()), { minLength: 1, maxLength: 4 })

describe('whatever way a valid history comes in', () => {
  it('is stored once, in order, and projected to the same', () => {
    fc.assert(fc.property(histories, fc.infiniteStream(fc.nat()), (sessions, noise) => {
      const scripts = sessions.map(([steps, closes]) => play(steps, closes))
      const straight = newPlan()
      for (const script of scripts) take(new Map(), straight, script.events)

      const draw = (): number => noise.next().value as number
      const known = new Map<string, SessionState>()
      const plan = newPlan()
      // Pieces of any session, from anywhere, again and again; then everything once more, as a proxy does that is asked for it.
      for (let round = 0; round < 30; round += 1) {
        const { events } = scripts[draw() % scripts.length]!
        const from = draw() % events.length
        take(known, plan, events.slice(from, from + 1 + (draw() % 4)))
      }
      for (const script of scripts) take(known, plan, script.events)

      for (const script of scripts) {
        expect(plan.accepted.filter((event) => event.session === script.session).map((event) => event.body.toString('utf8'))).toEqual(script.events)
        expect(known.get(script.session)).toMatchObject({ head: script.events.length, gap: null })
        expect(known.get(script.session)?.withheld.size).toBe(0)
      }
      expect(plan.quarantined).toEqual([])
      expect(comparable(projected(plan))).toEqual(comparable(projected(straight)))
    }), { numRuns: 150 })
  })

  it('never has a command that runs on after its history has ended', () => {
    fc.assert(fc.property(histories, (sessions) => {
      const plan = newPlan()
      for (const [steps, closes] of sessions) take(new Map(), plan, play(steps, closes).events)
      const set = projected(plan)
      expect(set.faults).toEqual([])
      const open = [...set.commands.keys()].filter((id) => !['completed', 'refused', 'withdrawn'].includes(set.patches.get(id)?.status ?? ''))
      // Only the last command of a session may wait for a request that carries its end.
      expect(open.length).toBe(sessions.filter(([steps]) => steps.at(-1) === 'carried').length)
    }), { numRuns: 100 })
  })
})
