import type { MaskPlan, SessionHost, Ticket } from '@sallyport/protocol-kit'
import type { OutputFilter, RelayOptions } from '../channels/relay.js'
import { EchoedInput } from './echoed-input.js'

/**
 * What becomes of what is typed at a terminal: counted by whoever carries it, and kept only when the connection wants that. Then a line is
 * recorded once it is complete, masked like any, and only when the target has shown it itself.
 */
export const typing = (host: SessionHost, ticket: Ticket, plan: Pick<MaskPlan, 'stream'>, keystrokes: boolean): Required<Pick<RelayOptions, 'typed'>> & Pick<RelayOptions, 'filter'> => {
  if (!keystrokes) return { typed: () => undefined }
  const echoed = new EchoedInput((line) => {
    const mask = plan.stream({ hold: 'line', delayMaxMs: 0, binary: 'mask' })
    for (const piece of [...mask.write(line, host.now()), ...mask.end()]) host.record(ticket, 'input', piece)
  })
  return { typed: (piece) => echoed.typed(piece, host.now()), filter: seeing((chunk) => echoed.shown(chunk, host.now())) }
}

/** Sees the output, and lets all of it pass. */
const seeing = (see: (chunk: Buffer) => void): OutputFilter => ({
  write: (chunk) => {
    see(chunk)
    return chunk
  },
  end: () => Buffer.alloc(0),
})
