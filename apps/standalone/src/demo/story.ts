import type { PsqlClient } from './psql-client.js'
import type { RestClient } from './rest-client.js'
import type { Screen } from './screen.js'
import { check, StoryError } from './step-check.js'

/** Everybody and everything the story needs, already running. */
export interface Cast {
  readonly screen: Screen
  /** The scripted agent's psql, logged in through the gateway. */
  readonly agent: PsqlClient
  readonly approvers: Readonly<Record<'bob' | 'carol', RestClient>>
  readonly auditor: RestClient
  /** Asks the target itself, around the gateway: the judge of what really happened. */
  readonly askTarget: (sql: string) => Promise<string[]>
}

interface Approval {
  readonly id: string
  readonly status: string
  readonly summary: string
  readonly connection: string
  readonly principal: { readonly uid: string }
}

const POLL_MS = 50
const POLLS_MAX = 400

const expect = (cast: Cast, condition: boolean, what: string): void => check(cast.screen, condition, what)

const agentRuns = async (cast: Cast, statement: string): Promise<{ output: string; errors: string }> => {
  cast.screen.says('agent', statement)
  const answer = await cast.agent.run(statement)
  if (answer.output !== '') cast.screen.plain(answer.output)
  if (answer.errors !== '') cast.screen.says('gateway', answer.errors)
  return answer
}

const allowed = async (cast: Cast): Promise<void> => {
  cast.screen.step(1, 'A read it may do: it goes through, untouched.')
  const statement = 'SELECT id, status, total_cents FROM orders ORDER BY id;'
  const { output } = await agentRuns(cast, statement)
  const rows = await cast.askTarget('SELECT id, status, total_cents FROM orders ORDER BY id')
  expect(cast, rows.every((row) => row.split('|').every((field) => output.includes(field))), `all ${rows.length} rows are the target's own`)
}

const masked = async (cast: Cast): Promise<void> => {
  cast.screen.step(2, 'Personal data and secrets: masked on the way back, also behind an alias.')
  const people = await agentRuns(cast, 'SELECT name, email AS contact FROM customers ORDER BY id;')
  const emails = await cast.askTarget('SELECT email FROM customers')
  expect(cast, emails.length > 0 && emails.every((email) => !people.output.includes(email)) && people.output.includes('Ada Byron'), 'names pass, not one e-mail address does')
  const keys = await agentRuns(cast, 'SELECT partner, api_key FROM integrations ORDER BY id;')
  const secrets = await cast.askTarget('SELECT api_key FROM integrations')
  expect(cast, secrets.length > 0 && secrets.every((secret) => !keys.output.includes(secret)), 'no rule names this column: the keys were found by what they are')
}

const blocked = async (cast: Cast): Promise<void> => {
  cast.screen.step(3, 'What it may not do: refused, with the reason.')
  const dropped = await agentRuns(cast, 'DROP TABLE customers;')
  expect(cast, dropped.errors.includes('Schema changes go through migrations.'), 'DROP TABLE was refused by policy no-schema-changes')
  const emptied = await agentRuns(cast, 'DELETE FROM orders;')
  expect(cast, emptied.errors.includes('without WHERE'), 'a DELETE without WHERE was refused by policy no-unbounded-deletes')
  const [count] = await cast.askTarget('SELECT count(*) FROM orders')
  expect(cast, count === '5' && (await cast.askTarget('SELECT 1 FROM customers')).length === 5, 'the target still has everything')
}

const ordersOf = async (cast: Cast): Promise<string> => (await cast.askTarget('SELECT id, status FROM orders ORDER BY id')).join()

/** Starts a statement that is held, waits until the approver sees it, and lets him decide. */
const heldThen = async (cast: Cast, statement: string, who: 'bob' | 'carol', verdict: 'approve' | 'deny', comment: string): Promise<{ output: string; errors: string }> => {
  const before = await ordersOf(cast)
  cast.screen.says('agent', statement)
  const running = cast.agent.run(statement)
  const approver = cast.approvers[who]
  let pending: Approval | undefined
  for (let polls = 0; pending === undefined && polls < POLLS_MAX; polls += 1) {
    const { items } = (await approver.get('/v1/approvals?status=pending')) as { items: Approval[] }
    pending = items[0]
    if (pending === undefined) await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
  }
  if (pending === undefined) throw new StoryError(`${who} never saw a request to decide about`)
  const notice = cast.agent.takeWarnings()
  cast.screen.says('gateway', notice)
  cast.screen.says('approver', `${who} sees ${pending.id}: ${pending.principal.uid} on ${pending.connection} wants to run\n${pending.summary}`)
  expect(cast, await ordersOf(cast) === before, 'psql waits; the target is as it was')
  cast.screen.says('approver', `${who}: ${verdict} ("${comment}")`)
  await approver.post(`/v1/approvals/${pending.id}/${verdict}`, { comment })
  const answer = await running
  if (answer.output !== '') cast.screen.plain(answer.output)
  return answer
}

const approved = async (cast: Cast): Promise<void> => {
  cast.screen.step(4, 'A write: held in flight until a person agrees.')
  const { errors } = await heldThen(cast, "UPDATE orders SET status = 'refunded' WHERE id = 103;", 'bob', 'approve', 'Customer asked for it, ticket 4711.')
  expect(cast, !errors.includes('ERROR'), 'psql went on by itself, it never knew more than a NOTICE')
  const [status] = await cast.askTarget('SELECT status FROM orders WHERE id = 103')
  expect(cast, status === 'refunded', 'the target has the change')
}

const denied = async (cast: Cast): Promise<void> => {
  cast.screen.step(5, 'Another write: a person says no.')
  const { errors } = await heldThen(cast, 'DELETE FROM orders WHERE id = 101;', 'carol', 'deny', 'Orders are never deleted, cancel it instead.')
  cast.screen.says('gateway', errors)
  expect(cast, errors.includes('Orders are never deleted'), 'the agent is told why')
  const left = await cast.askTarget('SELECT id FROM orders WHERE id = 101')
  expect(cast, left.length === 1, 'the target never saw it')
}

interface Session { readonly id: string; readonly status: string; readonly commands: number; readonly lastSequence: number }

const sessionOf = async (cast: Cast): Promise<Session> => {
  for (let polls = 0; polls < POLLS_MAX; polls += 1) {
    const { items } = (await cast.auditor.get('/v1/sessions?connection=orders-prod')) as { items: Session[] }
    const ended = items.find((session) => session.status === 'closed')
    if (ended !== undefined) return ended
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
  }
  throw new StoryError('the session never appeared in the audit trail')
}

/** The approvals' own events take a moment longer to the store than the session's. */
const replayOf = async (cast: Cast, session: string): Promise<string> => {
  let text = ''
  for (let polls = 0; polls < POLLS_MAX && !(text.includes('bob') && text.includes('carol')); polls += 1) {
    if (polls > 0) await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
    text = await cast.auditor.text(`/v1/sessions/${session}/replay?format=text`)
  }
  return text
}

const replayed = async (cast: Cast, ranOnTarget: () => readonly string[]): Promise<void> => {
  cast.screen.step(6, 'What an investigator sees: the whole session, replayed.')
  await cast.agent.end()
  const session = await sessionOf(cast)
  const replay = await replayOf(cast, session.id)
  cast.screen.plain(replay)
  expect(cast, replay.includes('bob') && replay.includes('ticket 4711') && replay.includes('carol'), 'who asked, what, decided by which policy, approved by whom and with which words')
  cast.screen.step(7, 'The audit trail, checked against the target.')
  const { items: events } = (await cast.auditor.get(`/v1/events?session=${session.id}&limit=1000`)) as { items: { sequence: number }[] }
  const sequences = events.map((event) => event.sequence).sort((a, b) => a - b)
  expect(cast, sequences.length > 0 && sequences.every((sequence, index) => sequence === index + 1), `${sequences.length} events, numbered without a gap`)
  const { items: commands } = (await cast.auditor.get(`/v1/sessions/${session.id}/commands?limit=1000`)) as { items: { status: string; action: string }[] }
  const completed = commands.filter((command) => command.status === 'completed').length
  const ran = ranOnTarget()
  expect(cast, ran.length === completed, `the target's own log shows ${ran.length} statements of the agent, the audit trail ${completed} as completed`)
  const whole = JSON.stringify([events, commands])
  const secrets = [...(await cast.askTarget('SELECT email FROM customers')), ...(await cast.askTarget('SELECT api_key FROM integrations')), ...(await cast.askTarget('SELECT card_number FROM orders'))]
  expect(cast, secrets.every((secret) => !whole.includes(secret)), `none of the ${secrets.length} secrets of the target is in the trail`)
}

/** How many steps the story has: chapters count on. */
export const STEPS = 7

/** Plays the whole story. Throws StoryError at the first step that did not do what it says. */
export const play = async (cast: Cast, ranOnTarget: () => readonly string[]): Promise<void> => {
  await allowed(cast)
  await masked(cast)
  await blocked(cast)
  await approved(cast)
  await denied(cast)
  await replayed(cast, ranOnTarget)
}
