import type { ChildProcess } from 'node:child_process'
import { inflateRawSync } from 'node:zlib'
import { decodeFrames, type RecordedFrame } from '@sallyport/contracts/recording'
import { commandRecordingSchema, sessionEventTypes } from '@sallyport/contracts/session'
import { waitFor } from '@sallyport/testing'
import type { Platform } from '../../../../e2e/harness/platform.js'

/** Somebody at a terminal: OpenSSH's client that was told to ask for one. */
export class Shell {
  out = ''
  err = ''
  readonly ended: Promise<number | null>
  private read = 0

  constructor(readonly child: ChildProcess) {
    child.stdout!.on('data', (chunk: Buffer) => { this.out += chunk.toString() })
    child.stderr!.on('data', (chunk: Buffer) => { this.err += chunk.toString() })
    child.stdin!.on('error', () => undefined)
    this.ended = new Promise((resolve) => void child.once('close', resolve))
  }

  type(keys: string): void {
    this.child.stdin!.write(keys)
  }

  /** Waits until that is shown, behind what was waited for before. Answers all that was shown since. */
  async shows(what: string | RegExp): Promise<string> {
    const found = (): number => {
      const rest = this.out.slice(this.read)
      if (typeof what === 'string') return rest.includes(what) ? rest.indexOf(what) + what.length : -1
      const match = what.exec(rest)
      return match === null ? -1 : match.index + match[0].length
    }
    await waitFor(() => found() !== -1, { timeoutMs: 15_000, what: `${String(what)} to be shown` }).catch((error: unknown) => { throw new Error(`shown was ${JSON.stringify(this.out.slice(this.read))} ${this.err}`, { cause: error }) })
    const end = this.read + found()
    const shown = this.out.slice(this.read, end)
    this.read = end
    return shown
  }

  /** Types a line and answers what is shown until the next prompt. */
  async line(text: string, prompt: string | RegExp = /@[a-z]+:[^\r\n]*\$ $/): Promise<string> {
    this.type(`${text}\r`)
    await this.shows('\r\n')
    const shown = await this.shows(prompt)
    return shown
  }
}

/** What was recorded of a command's streams. */
export const recordingOf = async (platform: Platform, command: string): Promise<readonly RecordedFrame[]> => {
  const frames: RecordedFrame[] = []
  let sinceMs = 0
  for (const { event } of (await platform.events()).toReversed()) {
    if (event?.['type'] !== sessionEventTypes.recording) continue
    const chunk = commandRecordingSchema.parse(event['data'])
    if (chunk.command !== command) continue
    for (const frame of decodeFrames(inflateRawSync(Buffer.from(chunk.frames, 'base64')), sinceMs)) {
      sinceMs = frame.atMs
      frames.push(frame)
    }
  }
  return frames
}

export const textOfFrames = (frames: readonly RecordedFrame[], kind: RecordedFrame['kind'] = 'output'): string => Buffer.concat(frames.filter((frame) => frame.kind === kind).map(({ bytes }) => bytes)).toString()
