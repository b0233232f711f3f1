import { setTimeout as sleep } from 'node:timers/promises'
import type { InputKind } from '@sallyport/protocol-kit'
import type { ServerChannel } from 'ssh2'
import { limits } from '../limits.js'
import { inputEnded } from '../transport/raw.js'

const STEP_MS = 5

/**
 * What a command will read: nothing, when its input has ended without a byte, or whatever still comes. Clients whose input is closed say so
 * right behind their request; only such a command is known as a whole before it runs, so only such a one can be parked.
 */
export const standardInput = async (channel: ServerChannel): Promise<InputKind> => {
  for (let waitedMs = 0; ; waitedMs += STEP_MS) {
    if (channel.readableLength > 0) return 'stream'
    if (inputEnded(channel)) return 'none'
    if (waitedMs >= limits.inputEndWaitMs) return 'stream'
    await sleep(STEP_MS)
  }
}
