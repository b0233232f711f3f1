import { clientMessage, render, type Received, type WireClient } from './wire-client.js'

/**
 * A conversation as text: `> Name args…` sends (JSON arguments; adjacent lines leave in one write, `>> …` on its own),
 * `< line` is the next message of the server as `render` shows it (a trailing `*` matches any rest). `#` begins a comment.
 */
export type Step = { readonly kind: 'send'; readonly bytes: Buffer } | { readonly kind: 'expect'; readonly line: string; readonly number: number }

export const parseTranscript = (text: string): readonly Step[] => {
  const steps: Step[] = []
  let pending: Buffer[] = []
  const flush = (): void => {
    if (pending.length > 0) steps.push({ kind: 'send', bytes: Buffer.concat(pending) })
    pending = []
  }
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue
    const match = /^(>>?) (\w+) ?(.*)$/.exec(line)
    if (match !== null) {
      if (match[1] === '>>') flush()
      pending.push(clientMessage(match[2] ?? '', JSON.parse(`[${match[3] ?? ''}]`) as (string | number | null)[]))
      continue
    }
    flush()
    if (!line.startsWith('< ')) throw new Error(`line ${index + 1} is neither sent nor expected: ${line}`)
    steps.push({ kind: 'expect', line: line.slice(2), number: index + 1 })
  }
  flush()
  return steps
}

const matches = (line: string, seen: string): boolean => (line.endsWith('*') ? seen.startsWith(line.slice(0, -1)) : seen === line)

/** Plays it. Answers everything that came; throws at the first message that isn't the expected one. */
export const play = async (client: WireClient, steps: readonly Step[]): Promise<readonly Received[]> => {
  const all: Received[] = []
  for (const step of steps) {
    if (step.kind === 'send') {
      client.send(step.bytes)
      continue
    }
    const received = await client.next()
    if (received !== undefined) all.push(received)
    const seen = received === undefined ? 'closed' : render(received)
    if (!matches(step.line, seen)) throw new Error(`line ${step.number}: expected ${step.line}, got ${seen}`)
  }
  return all
}
