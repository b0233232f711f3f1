import type { BusLogger } from '@sallyport/messaging'
import type pg from 'pg'
import { foldEvents, type Changeset } from './changeset.js'
import type { Projectable } from './project.js'
import { readEventsAfter } from './read-events.js'
import { MovedError, writeChangeset, type Checkpoint } from './write-changeset.js'

/** Projected in one transaction at most. */
const EVENTS_MAX = 4_000
/** Read from the database at once. */
const READ_MAX = 2_000
/** Events waiting in memory; beyond that they are read from the database again. */
const QUEUE_EVENTS_MAX = 20_000
const RETRY_MS = 500

export interface ProjectorOptions {
  readonly pool: pg.Pool
  readonly logger: BusLogger
  /** Called after each commit. */
  readonly onProjected: (position: number, set: Changeset) => void
}

/** Reads how far a projection is. */
export const readCheckpoint = async (pool: pg.Pool, name: Checkpoint['name']): Promise<number> => {
  const { rows } = await pool.query<{ position: number }>('select position from projection_checkpoints where name = $1', [name])
  return rows[0]?.position ?? 0
}

/** Projects one step from the database; answers the new position. */
export const projectStored = async (pool: pg.Pool, checkpoint: Checkpoint, from: number, until = Number.MAX_SAFE_INTEGER): Promise<{ position: number; set: Changeset | undefined }> => {
  const events = await readEventsAfter(pool, from, Math.min(READ_MAX, until - from))
  const last = events.at(-1)
  if (last === undefined) return { position: from, set: undefined }
  const set = foldEvents(events)
  await writeChangeset(pool, set, checkpoint, from, last.position)
  return { position: last.position, set }
}

/**
 * Follows the log right behind its commits, with a checkpoint of its own: from memory while it keeps up, else from the database.
 * An acknowledgement never waits for it.
 */
export const startProjector = ({ pool, logger, onProjected }: ProjectorOptions) => {
  const checkpoint: Checkpoint = { name: 'current', suffix: '' }
  let queue: Projectable[] = []
  let position: number | undefined
  let stopped = false
  let wake: (() => void) | undefined
  let pauses: (() => Promise<void>)[] = []

  const fromQueue = async (from: number): Promise<boolean> => {
    // Wanted are exactly those that follow; older ones were projected already.
    while (queue.length > 0 && (queue[0]?.position ?? 0) <= from) queue = queue.slice(Math.max(1, from - (queue[0]?.position ?? 0) + 1))
    if (queue[0]?.position !== from + 1) return false
    const events = queue.slice(0, EVENTS_MAX)
    const to = from + events.length
    const set = foldEvents(events)
    await writeChangeset(pool, set, checkpoint, from, to)
    queue = queue.slice(events.length)
    position = to
    onProjected(to, set)
    return true
  }

  const step = async (): Promise<boolean> => {
    position ??= await readCheckpoint(pool, 'current')
    if (await fromQueue(position)) return true
    const stored = await projectStored(pool, checkpoint, position)
    if (stored.set === undefined) return false
    position = stored.position
    onProjected(position, stored.set)
    return true
  }

  const loop = async (): Promise<void> => {
    while (!stopped) {
      const pause = pauses.shift()
      if (pause !== undefined) {
        await pause()
        position = undefined
        continue
      }
      try {
        if (await step()) continue
        await new Promise<void>((resolve) => {
          wake = resolve
          if (queue.length > 0 || pauses.length > 0 || stopped) resolve()
        })
      } catch (error) {
        position = undefined
        if (!(error instanceof MovedError)) logger.error({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'events could not be projected, it is tried again')
        await new Promise((resolve) => { setTimeout(resolve, RETRY_MS) })
      }
    }
    for (const pause of pauses) await pause()
  }
  const running = loop()

  return {
    /** Events just committed, in order of position and without a hole. */
    offer: (events: readonly Projectable[]): void => {
      if (events.length === 0) return
      queue = queue.length + events.length > QUEUE_EVENTS_MAX ? [...events] : queue.concat(events)
      wake?.()
    },
    /** Runs `work` while nothing is projected; afterwards the checkpoint is read again. */
    pause: <T>(work: () => Promise<T>): Promise<T> => new Promise((resolve, reject) => {
      pauses = [...pauses, () => work().then(resolve, reject)]
      wake?.()
    }),
    stop: async (): Promise<void> => {
      stopped = true
      wake?.()
      await running
    },
  }
}

export type Projector = ReturnType<typeof startProjector>
