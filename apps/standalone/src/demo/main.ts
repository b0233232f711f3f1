import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { playChapter, prepareChapters, writeConfiguration, type Chapter } from './chapters.js'
import { APPLICATION_NAME, PsqlClient } from './psql-client.js'
import { startOrdersTarget, type OrdersTarget } from './orders-target.js'
import { restClient, tokenFor } from './rest-client.js'
import { startPlatform, type RunningPlatform } from './running-platform.js'
import { createScreen, type Screen } from './screen.js'
import { check } from './step-check.js'
import { play, STEPS } from './story.js'

const usage = `./sallyport demo [--keep]

An AI agent (a script that says so) works on a sample database through the gateway: allowed, masked, blocked, held and approved,
held and denied; then the replay. Exit status 0 only if every step did what it says.

  --keep   leave everything running afterwards, and print how to try it yourself
`

const introduce = (screen: Screen): void => {
  screen.title('Sallyport demo')
  screen.note('A scripted client plays the AI agent "coding-agent", with the real psql. It never sees the database\'s password:\nits own access token is its password, and the gateway is its endpoint. Bob and Carol are DBAs, Iris is an auditor.\nEvery line below comes from the gateway, the API or the target, and each ✓ was checked.')
}

const tell = async (screen: Screen, target: OrdersTarget, { endpoints }: RunningPlatform, chapters: readonly Chapter[]): Promise<void> => {
  const as = async (name: string) => restClient(endpoints.api, await tokenFor(endpoints.issuer, name))
  const agent = await as('coding-agent')
  const people = { approvers: { bob: await as('bob'), carol: await as('carol') }, auditor: await as('iris') }
  const psql = new PsqlClient({ ...endpoints.listeners['postgres']!, user: 'orders-prod', password: agent.token, env: process.env })
  try {
    await play({ screen, agent: psql, ...people, askTarget: target.ask }, target.agentStatements)
  } finally {
    await psql.end()
  }
  let number = STEPS
  for (const chapter of chapters) {
    await playChapter(chapter, screen.title, {
      screen, listener: endpoints.listeners[chapter.protocol]!, agent, agentToken: agent.token, ...people,
      step: (text) => screen.step(number += 1, text), check: (condition, what) => check(screen, condition, what),
    })
  }
}

const explainKeeping = (screen: Screen, { endpoints }: RunningPlatform, configuration: string, chapters: readonly Chapter[]): void => {
  const listener = endpoints.listeners['postgres']!
  screen.title('Still running. Try it yourself, in another terminal:')
  screen.plain([
    `export SALLYPORT_API=${endpoints.api} SALLYPORT_ISSUER=${endpoints.issuer}`,
    './sallyport login --client-id coding-agent --client-secret coding-agent-secret',
    './sallyport psql orders-prod',
    './sallyport sessions',
    '',
    `Any PostgreSQL client: host ${listener.host}, port ${listener.port}, user orders-prod, password an access token.`,
    ...chapters.map(({ protocol, set }) => set.explain(endpoints.listeners[protocol]!)),
    `Policies and rules: ${configuration}; apply changes with ./sallyport apply -f DIR as ada.`,
    'Stop everything with Ctrl-C.',
  ].join('\n'))
}

const untilStopped = (): Promise<void> => new Promise((resolve) => {
  process.once('SIGINT', () => resolve())
  process.once('SIGTERM', () => resolve())
})

const demo = async (keep: boolean, screen: Screen): Promise<void> => {
  const dir = mkdtempSync(path.join(tmpdir(), 'sallyport-demo-'))
  // PostgreSQL does not run as root: its own user must get to its data.
  chmodSync(dir, 0o755)
  const chapters: Chapter[] = []
  let target: OrdersTarget | undefined
  let platform: RunningPlatform | undefined
  try {
    introduce(screen)
    screen.note('\nStarting the sample targets and the platform …')
    target = await startOrdersTarget(path.join(dir, 'target'), APPLICATION_NAME)
    await prepareChapters(process.env, (chapter) => void chapters.push(chapter))
    const configuration = writeConfiguration(dir, target.port, chapters.map(({ set }) => set))
    const secrets = Object.assign({ ORDERS_PASSWORD: target.password }, ...chapters.map(({ set }) => set.env)) as Record<string, string>
    platform = await startPlatform({ dir, configuration, secrets, ports: keep ? 'usual' : 'any', env: process.env })
    await tell(screen, target, platform, chapters)
    screen.title('Every step did what it says.')
    if (keep) {
      explainKeeping(screen, platform, configuration, chapters)
      await untilStopped()
    }
  } finally {
    await platform?.stop()
    await Promise.all(chapters.map(({ set }) => set.stop()))
    await target?.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

const main = async (): Promise<void> => {
  const args = process.argv.slice(2)
  const unknown = args.find((arg) => arg !== '--keep')
  if (unknown !== undefined) {
    process.stderr.write(`${unknown === '--help' ? '' : `unknown option ${unknown}\n`}${usage}`)
    process.exit(unknown === '--help' ? 0 : 2)
  }
  const screen = createScreen(process.stdout, process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined)
  try {
    await demo(args.includes('--keep'), screen)
  } catch (error) {
    screen.failed(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}

await main()
