import { Option } from 'commander'
import { answer, type Definition, type Outcome } from '../command.js'
import type { Context } from '../context.js'

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

export const replay: Definition = {
  usage: 'replay <id>',
  summary: 'show a session as it went: what was asked, who decided, what came back (masked, as delivered)',
  examples: ['replay ses_01jd…', 'replay ses_01jd… --format json', 'replay ses_01jd… | less'],
  options: [new Option('--format <format>', 'text to read, json to work with').choices(['text', 'json']).default('text')],
  run: async ({ args, context, options, json }) => {
    const path = `/v1/sessions/${encodeURIComponent(args[0]!)}/replay`
    if (json || options['format'] === 'json') return asJson(context, path)
    for await (const piece of context.api().stream(`${path}?format=text`)) context.terminal.out(piece)
    return { kind: 'printed' }
  },
}
