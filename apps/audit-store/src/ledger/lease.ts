import type { BusLogger, Stop } from '@sallyport/messaging'
import type pg from 'pg'

/** Tried this often by who doesn't hold it, and checked this often by who does. */
const INTERVAL_MS = 1_000
const CHECK_TIMEOUT_MS = 3_000

export interface LeaseOptions {
  readonly pool: pg.Pool
  /** Names the lease within the database. */
  readonly name: string
  readonly logger: BusLogger
  /** Called with the lease held; what it answers ends the work when the lease is lost or given back. */
  readonly whileHeld: (giveBack: () => void) => Promise<Stop>
}

/**
 * One of several instances works at a time: it holds an advisory lock in a connection of its own, which the server frees when the
 * process dies. The lock only chooses; that nobody else writes is made sure by the sequencer's epoch.
 */
export const startLease = ({ pool, name, logger, whileHeld }: LeaseOptions): Stop => {
  let stopped = false
  let wake: (() => void) | undefined
  const pause = (): Promise<void> => new Promise((resolve) => {
    const timer = setTimeout(resolve, INTERVAL_MS)
    wake = () => {
      clearTimeout(timer)
      resolve()
    }
  })

  const hold = async (client: pg.PoolClient): Promise<void> => {
    let given = false
    const giveBack = (): void => {
      given = true
      wake?.()
    }
    client.on('error', giveBack)
    const end = await whileHeld(giveBack)
    try {
      while (!stopped && !given) {
        await pause()
        await beforeDeadline(client.query('select 1'))
      }
    } finally {
      await end()
    }
  }

  const attempt = async (): Promise<void> => {
    const client = await pool.connect()
    try {
      // A holder whose machine vanished without a word is noticed in seconds.
      await client.query('set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3')
      while (!stopped) {
        const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock(hashtext($1)) as held', [name])
        if (rows[0]?.held === true) return await hold(client)
        await pause()
      }
    } finally {
      // Closed, not given back to the pool: the lock goes with the connection.
      client.release(true)
    }
  }

  const loop = async (): Promise<void> => {
    while (!stopped) {
      try {
        await attempt()
      } catch (error) {
        logger.warn({ lease: name, error: String(error) }, 'the lease was lost or could not be asked for, it is tried again')
      }
      if (!stopped) await pause()
    }
  }
  const running = loop()

  return async () => {
    stopped = true
    wake?.()
    await running
  }
}

const beforeDeadline = async (work: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error('the database did not answer in time')), CHECK_TIMEOUT_MS) })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
