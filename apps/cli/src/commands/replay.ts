import { answer, type Definition, type Outcome } from '../command.js'
import { InvalidArgumentError, Option } from 'commander'
import type { Context } from '../context.js'
import { openKeyboard } from '../player/keyboard.js'
import { play, playerHelp } from '../player/play.js'

interface Part {
  readonly entries: readonly unknown[]
  readonly next: string | null
}

const PAGE = 200

const asJson = async (context: Context, path: string): Promise<Outcome> => {
  const api = context.api()
  const page = (cursor: string | null): Promise<Part> => api.get(`${path}?format=json&limit=${PAGE}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`)
  const read = async (): Promise<Part> => {
    const first = await page(null)
    const entries = [...first.entries]
    for (let { next } = first; next !== null;) {
      const part = await page(next)
      entries.push(...part.entries)
      next = part.next
    }
    return { ...first, entries, next: null }
  }
  const whole = await context.waiting('reading the session', read())
  return answer(whole, `${JSON.stringify(whole, undefined, 2)}\n`)
}

interface Entry {
  readonly id: string
  readonly output?: { readonly terminal: boolean }
}

/** The first terminal of the session that a person at a terminal can be shown; undefined: it is to be read. */
const terminalOf = async (context: Context, path: string): Promise<string | undefined> => {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined
  const { entries } = await context.waiting('looking what was recorded', context.api().get<{ entries: readonly Entry[] }>(`${path}?format=json&limit=${PAGE}`))
  return entries.find(({ output }) => output?.terminal === true)?.id
}

const playHere = async (context: Context, path: string, command: string, speed: number, idleMaxS: number): Promise<Outcome> => {
  const keyboard = openKeyboard(process.stdin)
  const say = (text: string): void => context.terminal.err(`\u001b]0;${text}\u0007`)
  const { out } = context.terminal
  try {
    context.terminal.err(`${playerHelp}\r\n`)
    const how = await play({ lines: linesOf(context.api().stream(`${path}?format=asciicast&command=${command}`)), out, say, keys: keyboard.pressed, speed, idleMaxS })
    out(`\u001b[0m\u001b[?25h\u001b[?1049l\r\n`)
    context.terminal.err(`the recording ${how === 'ended' ? 'ended' : 'was stopped'}; read the whole session with --format text\r\n`)
  } finally {
    keyboard.close()
  }
  return { kind: 'printed' }
}

const linesOf = async function* (pieces: AsyncIterable<string>): AsyncIterable<string> {
  let rest = ''
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop()!
    yield* lines
  }
  if (rest !== '') yield rest
}

const positive = (text: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('a number above 0')
  return value
}

export const replay: Definition = {
  usage: 'replay <id>',
  summary: 'show a session as it went: what was asked, who decided, what came back (masked, as delivered)',
  details: `On a terminal, a recorded terminal is played: ${playerHelp}. What the player has to say stands in the window's title. Everything else, and everything with --format text, is printed to be read.`,
  examples: ['replay ses_01jd…', 'replay ses_01jd… --speed 4', 'replay ses_01jd… --format asciicast > session.cast', 'replay ses_01jd… --format json', 'replay ses_01jd… | less'],
  options: [
    new Option('--format <format>', 'text to read, json to work with, asciicast for a player of one\'s own; default: played on a terminal, else text').choices(['text', 'json', 'asciicast']),
    new Option('--command <id>', 'which command\'s recording; default: the first terminal'),
    new Option('--speed <factor>', 'of playing').argParser(positive).default(1),
    new Option('--idle-max <seconds>', 'longer pauses are shortened to this').argParser(positive).default(2),
  ],
  run: async ({ args, context, options, json }) => {
    const path = `/v1/sessions/${encodeURIComponent(args[0]!)}/replay`
    if (json || options['format'] === 'json') return asJson(context, path)
    const asked = options['command'] as string | undefined
    const terminal = options['format'] === undefined ? (asked ?? await terminalOf(context, path)) : undefined
    if (terminal !== undefined && process.stdout.isTTY) return playHere(context, path, terminal, options['speed'] as number, options['idleMax'] as number)
    const query = options['format'] === 'asciicast' ? `?format=asciicast${asked === undefined ? '' : `&command=${encodeURIComponent(asked)}`}` : '?format=text'
    for await (const piece of context.api().stream(`${path}${query}`)) context.terminal.out(piece)
    return { kind: 'printed' }
  },
}
