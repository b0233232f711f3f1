import { confirmStored, getSession, listCommands, listEvents, listSessions, replay, storeStatus, watermarks } from '@sallyport/contracts/audit'
import type { Bus, Stop } from '@sallyport/messaging'
import type { Database } from '@sallyport/persistence'
import type { AuditTables } from '../schema/tables.js'
import { findCommands } from './list-commands.js'
import { findEvents } from './list-events.js'
import { findSession, findSessions, sessionView } from './list-sessions.js'
import { replaySession } from './replay-session.js'
import { confirmControl, readStatus, readWatermarks } from './status.js'

/** Answers every question about the log; any instance can. */
export const serveQueries = (bus: Bus, database: Database<AuditTables>): Stop => {
  const { kysely, pool } = database
  const stops = [
    bus.serve(listSessions, (request) => findSessions(kysely, request)),
    bus.serve(getSession, async (request) => sessionView(await findSession(kysely, request))),
    bus.serve(listCommands, (request) => findCommands(kysely, request)),
    bus.serve(listEvents, (request) => findEvents(kysely, request)),
    bus.serve(replay, (request) => replaySession(kysely, request)),
    bus.serve(confirmStored, ({ ids }) => confirmControl(pool, bus, ids)),
    bus.serve(storeStatus, () => readStatus(pool, bus)),
    bus.serve(watermarks, (request) => readWatermarks(pool, request.sessions)),
  ]
  return async () => {
    for (const stop of stops) await stop()
  }
}
