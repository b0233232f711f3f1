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
/** Gathers that long before it projects, so that single events in a row don't cost a transaction each beside the one that stores them. */
const GATHER_MS = 20

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
    isFull: (): boolean => events.length >= EVENTS_MAX,
    /** Forgets those up to `position`. */
    drop: (position: number): void => {
      const first = events[0]?.position ?? position + 1
      if (first <= position) events = events.slice(position + 1 - first)
    },
    /** Those that follow `position` without a hole, at most {@link EVENTS_MAX}. */
    after: (position: number): Projectable[] => (events[0]?.position === position + 1 ? events.slice(0, EVENTS_MAX) : []),
  }
}

/** Projects what comes next, from memory or else from the database. */
const createStepper = ({ pool, onProjected }: ProjectorOptions, queue: ReturnType<typeof createQueue>) => {
  const checkpoint: Checkpoint = { name: 'current', suffix: '' }
  let position: number | undefined

  const fromQueue = async (from: number, events: readonly Projectable[]): Promise<void> => {
    const to = from + events.length
    const set = foldEvents(events)
    await writeChangeset(pool, set, checkpoint, from, to)
    position = to
    queue.drop(to)
    onProjected(to, set)
  }

  /** Answers whether to look for more at once: what is in the database is not waited for. */
  const step = async (): Promise<boolean> => {
    const from = position ?? await readCheckpoint(pool, 'current')
    queue.drop(from)
    const waiting = queue.after(from)
    if (waiting.length > 0) {
      await fromQueue(from, waiting)
      return queue.isFull()
    }
    const stored = await projectStored(pool, checkpoint, from)
    position = stored.position
    if (stored.set !== undefined) onProjected(position, stored.set)
    return stored.set !== undefined
  }

  return {
    step,
    /** The checkpoint is read again. */
    forget: (): void => { position = undefined },
  }
}

/**
 * Follows the log right behind its commits, with a checkpoint of its own: from memory while it keeps up, else from the database.
 * An acknowledgement never waits for it.
 */
export const startProjector = (options: ProjectorOptions) => {
  const queue = createQueue()
  const { step, forget } = createStepper(options, queue)
  let stopped = false
  let wake: (() => void) | undefined
  let pauses: (() => Promise<void>)[] = []

  const hurry = (): boolean => queue.isFull() || pauses.length > 0 || stopped

  /** Until something is offered, and then a moment longer. */
  const idle = async (): Promise<void> => {
    if (queue.isEmpty() && !hurry()) await new Promise<void>((resolve) => { wake = resolve })
    if (hurry()) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS)
      wake = () => {
        if (!hurry()) return
        clearTimeout(timer)
        resolve()
      }
    })
  }

  const turn = async (): Promise<void> => {
    const pause = pauses.shift()
    if (pause !== undefined) {
      await pause()
      forget()
      return
    }
    try {
      if (!await step()) await idle()
    } catch (error) {
      forget()
      if (!(error instanceof MovedError)) options.logger.error({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'events could not be projected, it is tried again')
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
