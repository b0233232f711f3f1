import { setTimeout as sleep } from 'node:timers/promises'
import { safeTerminal } from './safe-terminal.js'

const SPEED_MIN = 0.125
const SPEED_MAX = 64
/** How often keys are looked at while nothing is drawn, in milliseconds. */
const TICK_MS = 20
const SEARCHED_CHARS = 4 * 1024

export interface PlayOptions {
  /** Lines of an asciicast v2. */
  readonly lines: AsyncIterable<string>
  readonly out: (text: string) => void
  /** Says something to the person who watches, beside the recording. */
  readonly say: (text: string) => void
  /** Keys pressed since it was last asked, in order. */
  readonly keys: () => readonly string[]
  readonly speed: number
  /** Longer pauses are shortened to so many seconds. */
  readonly idleMaxS: number
}

export const playerHelp = 'space: pause and go on   +/-: faster, slower   n or .: next output while paused   /: search forward   q: stop'

/** How a recording is being watched. */
interface Watching {
  speed: number
  paused: boolean
  stopped: boolean
  /** One more output, then pause again. */
  step: boolean
  /** What is being typed after a slash; undefined: nothing. */
  typing: string | undefined
  searching: string | undefined
}

/** Plays a recording in time. Resolves when it has ended or was stopped; throws SyntaxError when it is no asciicast v2. */
export const play = async ({ lines, out, say, keys, speed, idleMaxS }: PlayOptions): Promise<'ended' | 'stopped'> => {
  const watching: Watching = { speed, paused: false, stopped: false, step: false, typing: undefined, searching: undefined }
  const safe = safeTerminal()
  let playedS = 0
  let recent = ''
  for await (const line of lines) {
    const event = JSON.parse(line) as unknown
    if (!Array.isArray(event)) {
      if ((event as { version?: unknown }).version !== 2) throw new SyntaxError('this recording is not asciicast v2')
      continue
    }
    const [atS, code, text] = event as [number, string, string]
    await waitUntil(watching, Math.min(atS - playedS, idleMaxS) * 1000, keys, say)
    if (watching.stopped) return 'stopped'
    playedS = atS
    if (code !== 'o') continue
    out(safe(text))
    recent = (recent + text).slice(-SEARCHED_CHARS)
    if (watching.searching !== undefined && recent.includes(watching.searching)) {
      say(`found "${watching.searching}" at ${atS.toFixed(1)} s; space goes on`)
      watching.searching = undefined
      watching.paused = true
    }
    if (!watching.paused) recent = watching.searching === undefined ? '' : recent
    watching.step = false
  }
  if (watching.searching !== undefined) say(`"${watching.searching}" does not come up any more`)
  return 'ended'
}

const waitUntil = async (watching: Watching, waitMs: number, keys: () => readonly string[], say: (text: string) => void): Promise<void> => {
  let leftMs = waitMs
  for (;;) {
    for (const key of keys()) press(watching, key, say)
    if (watching.stopped || watching.step) return
    const waiting = watching.paused || watching.typing !== undefined
    if (!waiting && (leftMs <= 0 || watching.searching !== undefined)) return
    const beforeMs = performance.now()
    await sleep(waiting ? TICK_MS : Math.min(TICK_MS, Math.max(1, leftMs / watching.speed)))
    if (!waiting) leftMs -= (performance.now() - beforeMs) * watching.speed
  }
}

const press = (watching: Watching, key: string, say: (text: string) => void): void => {
  if (key === '\u0003') {
    watching.stopped = true
    return
  }
  if (watching.typing !== undefined) return type(watching, key, say)
  const faster = { '+': 2, '=': 2, '-': 0.5 }[key]
  if (faster !== undefined) {
    watching.speed = Math.min(SPEED_MAX, Math.max(SPEED_MIN, watching.speed * faster))
    say(`speed ${watching.speed}×`)
  } else if (key === ' ') {
    watching.paused = !watching.paused
    say(watching.paused ? `paused. ${playerHelp}` : 'playing')
  } else if (key === '/') {
    watching.typing = ''
    say('search forward: type, then Enter')
  } else if (key === 'q') watching.stopped = true
  else if (watching.paused && (key === '.' || key === 'n')) watching.step = true
}

const type = (watching: Watching, key: string, say: (text: string) => void): void => {
  const typed = watching.typing!
  if (key === '\r' || key === '\n') {
    watching.searching = typed === '' ? undefined : typed
    watching.typing = undefined
    watching.paused = false
    if (typed !== '') say(`searching for "${typed}" …`)
  } else if (key === '\u001b') watching.typing = undefined
  else if (key === '\u007f' || key === '\b') watching.typing = typed.slice(0, -1)
  else if (key >= ' ') watching.typing = typed + key
}
