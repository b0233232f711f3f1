import type { CommandLog } from '../recording/command-log.js'

/** How long the end of a command waits for the session's next request to travel with. */
const CARRY_MS = 25

let waiting = new Set<CommandLog>()
let young = new Set<CommandLog>()
let timer: NodeJS.Timeout | undefined

/** Flushes a log's waiting ends after one to two intervals. One timer serves all sessions, and rests when nothing waits. */
export const scheduleFlush = (log: CommandLog): void => {
  if (!waiting.has(log)) young.add(log)
  timer ??= setInterval(tick, CARRY_MS)
}

const tick = (): void => {
  for (const log of waiting) log.flush()
  waiting = young
  young = new Set()
  if (waiting.size > 0) return
  clearInterval(timer)
  timer = undefined
}
