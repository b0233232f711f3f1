import { readConfig } from './config.js'
import { readOptions, usage } from './options.js'
import { up, type Platform } from './up.js'

const STOP_DEADLINE_MS = 40_000
const say = (line: string): void => void process.stderr.write(`sallyport: ${line}\n`)

const print = ({ endpoints }: Platform): void => {
  const lines = [
    ['API', endpoints.api], ['Development issuer', endpoints.issuer],
    ...Object.entries(endpoints.listeners).map(([protocol, { host, port }]) => [protocol, `${host}:${port}`] as const),
  ]
  process.stdout.write(`Sallyport is up.\n${lines.map(([name, value]) => `  ${name!.padEnd(20)}${value}\n`).join('')}Stop it with Ctrl-C.\n`)
}

/** Ends this process: a second signal, or a stop that takes too long, ends it at once, and the guards end what it started. */
const stopOnSignal = (abort: AbortController, running: { platform?: Platform }): void => {
  let asked = false
  const end = (): void => {
    if (asked) process.exit(1)
    asked = true
    abort.abort(new Error('it was stopped'))
    setTimeout(() => {
      say('stopping took too long: what still runs is cut off')
      process.exit(1)
    }, STOP_DEADLINE_MS).unref()
    void running.platform?.stop().then(() => process.exit(0), (error: unknown) => {
      say(String(error))
      process.exit(1)
    })
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
}

const main = async (): Promise<void> => {
  const options = readOptions(process.argv.slice(2))
  if (options === 'help') return void process.stdout.write(usage)
  const abort = new AbortController()
  const running: { platform?: Platform } = {}
  stopOnSignal(abort, running)
  const platform = await up({ config: readConfig(process.env), options, say, signal: abort.signal })
  running.platform = platform
  if (abort.signal.aborted) {
    await platform.stop()
    process.exit(0)
  }
  print(platform)
}

main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  process.exit(1)
})
