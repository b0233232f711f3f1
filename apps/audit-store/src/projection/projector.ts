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

/** Events just committed that wait to be projected. */
const createQueue = () => {
  let events: Projectable[] = []
  return {
    add: (more: readonly Projectable[]): void => { events = events.length + more.length > QUEUE_EVENTS_MAX ? [...more] : events.concat(more) },
    isEmpty: (): boolean => events.length === 0,
    /** Those that follow `position` without a hole, at most {@link EVENTS_MAX}; older ones are dropped. */
    after: (position: number): Projectable[] => {
      const first = events[0]?.position ?? position + 1
      if (first <= position) events = events.slice(position + 1 - first)
      return events[0]?.position === position + 1 ? events.slice(0, EVENTS_MAX) : []
    },
  }
}

/**
 * Follows the log right behind its commits, with a checkpoint of its own: from memory while it keeps up, else from the database.
 * An acknowledgement never waits for it.
 */
export const startProjector = ({ pool, logger, onProjected }: ProjectorOptions) => {
  const checkpoint: Checkpoint = { name: 'current', suffix: '' }
  const queue = createQueue()
  let position: number | undefined
  let stopped = false
  let wake: (() => void) | undefined
  let pauses: (() => Promise<void>)[] = []

  const project = async (from: number, events: readonly Projectable[]): Promise<{ position: number; set: Changeset | undefined }> => {
    const set = foldEvents(events)
    await writeChangeset(pool, set, checkpoint, from, from + events.length)
    return { position: from + events.length, set }
  }

  /** Answers whether there was anything to project. */
  const step = async (): Promise<boolean> => {
    const from = position ?? await readCheckpoint(pool, 'current')
    const waiting = queue.after(from)
    const done = waiting.length > 0 ? await project(from, waiting) : await projectStored(pool, checkpoint, from)
    position = done.position
    if (done.set !== undefined) onProjected(position, done.set)
    return done.set !== undefined
  }

  const idle = (): Promise<void> => new Promise((resolve) => {
    wake = resolve
    if (!queue.isEmpty() || pauses.length > 0 || stopped) resolve()
  })

  const turn = async (): Promise<void> => {
    const pause = pauses.shift()
    if (pause !== undefined) {
      await pause()
      position = undefined
      return
    }
    try {
      if (!await step()) await idle()
    } catch (error) {
      position = undefined
      if (!(error instanceof MovedError)) logger.error({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'events could not be projected, it is tried again')
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS) })
    }
  }

  const running = (async () => {
    while (!stopped || pauses.length > 0) await turn()
  })()

  return {
    /** Events just committed, in order of position and without a hole. */
    offer: (events: readonly Projectable[]): void => {
      if (events.length === 0) return
      queue.add(events)
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
