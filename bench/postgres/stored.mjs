// What the log has of a load, asked by the API as an auditor would.
import { assertLogged } from './masked.mjs'

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })
const POLL_MS = 50
const SETTLE_MS = 120_000

/** Sessions on a connection that opened at or after `from`. */
const sessionsSince = async (auditor, connection, from) => {
  const items = []
  for (let cursor; cursor !== null;) {
    const page = await auditor.get(`/v1/sessions?${new URLSearchParams({ connection, from, limit: '200', ...(cursor === undefined ? {} : { cursor }) })}`)
    items.push(...page.items)
    cursor = page.next
  }
  return items
}

/** pgbench's first session runs no transaction: nothing at all, or it asks how large the tables are. */
const isPreparation = async (auditor, session) => {
  if (session.commands === 0) return true
  if (session.commands > 10) return false
  const { items } = await auditor.get(`/v1/sessions/${session.id}/commands?limit=10`)
  return items.some(({ statement }) => /pg_class|count\(\*\)/.test(statement))
}

const working = async (auditor, sessions) => {
  const preparations = await Promise.all(sessions.map((session) => isPreparation(auditor, session)))
  return sessions.filter((_, index) => !preparations[index])
}

/**
 * Runs a load of so many clients and waits until the log has each of its transactions as a command. Answers the load's result with how many
 * commands the store lacked when the load ended, and how long it took until it lacked none.
 * Throws when the log holds another number of commands than transactions ran, or results that weren't masked.
 */
export const recorded = async (auditor, { connection, clients, rowsEach }, load) => {
  const from = new Date().toISOString()
  const result = await load()
  const ended = performance.now()
  for (let behindAtEnd; ;) {
    const sessions = await sessionsSince(auditor, connection, from)
    const total = sessions.reduce((sum, session) => sum + session.commands, 0)
    behindAtEnd ??= Math.max(result.transactions - total, 0)
    const late = performance.now() - ended > SETTLE_MS
    if (late || (total >= result.transactions && sessions.length > clients && sessions.every(({ status }) => status === 'closed'))) {
      const settledMs = Math.round(performance.now() - ended)
      const own = await working(auditor, sessions)
      const commands = own.reduce((sum, session) => sum + session.commands, 0)
      if (commands !== result.transactions) throw new Error(`${connection}: ${result.transactions} transactions ran, the log has ${commands} commands in ${sessions.length} sessions`)
      await assertLogged(auditor, own[0].id, rowsEach)
      return { ...result, store: { commands, behindAtEnd, settledMs } }
    }
    await sleep(POLL_MS)
  }
}
