import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { APPLICATION_NAME, PsqlClient } from './psql-client.js'
import { startOrdersTarget, type OrdersTarget } from './orders-target.js'
import { restClient, tokenFor } from './rest-client.js'
import { startPlatform, type RunningPlatform } from './running-platform.js'
import { createScreen, type Screen } from './screen.js'
import { play } from './story.js'

const usage = `./sallyport demo [--keep]

An AI agent (a script that says so) works on a sample database through the gateway: allowed, masked, blocked, held and approved,
held and denied; then the replay. Exit status 0 only if every step did what it says.

  --keep   leave everything running afterwards, and print how to try it yourself
`

const introduce = (screen: Screen): void => {
  screen.title('Sallyport demo')
  screen.note('A scripted client plays the AI agent "coding-agent", with the real psql. It never sees the database\'s password:\nits own access token is its password, and the gateway is its endpoint. Bob and Carol are DBAs, Iris is an auditor.\nEvery line below comes from the gateway, the API or the target, and each ✓ was checked.')
}

const tell = async (screen: Screen, target: OrdersTarget, { endpoints }: RunningPlatform): Promise<void> => {
  const as = async (name: string) => restClient(endpoints.api, await tokenFor(endpoints.issuer, name))
  const agent = new PsqlClient({ ...endpoints.listeners['postgres']!, user: 'orders-prod', password: await tokenFor(endpoints.issuer, 'coding-agent'), env: process.env })
  try {
    await play({ screen, agent, approvers: { bob: await as('bob'), carol: await as('carol') }, auditor: await as('iris'), askTarget: target.ask }, target.agentStatements)
  } finally {
    await agent.end()
  }
}

const explainKeeping = (screen: Screen, { endpoints, configuration }: RunningPlatform): void => {
  const listener = endpoints.listeners['postgres']!
  screen.title('Still running. Try it yourself, in another terminal:')
  screen.plain([
    `export SALLYPORT_API=${endpoints.api} SALLYPORT_ISSUER=${endpoints.issuer}`,
    './sallyport login --client-id coding-agent --client-secret coding-agent-secret',
    './sallyport psql orders-prod',
    './sallyport sessions',
    '',
    `Any PostgreSQL client: host ${listener.host}, port ${listener.port}, user orders-prod, password an access token.`,
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
  let target: OrdersTarget | undefined
  let platform: RunningPlatform | undefined
  try {
    introduce(screen)
    screen.note('\nStarting a sample PostgreSQL and the platform …')
    target = await startOrdersTarget(path.join(dir, 'target'), APPLICATION_NAME)
    platform = await startPlatform(dir, target, keep ? 'usual' : 'any', process.env)
    await tell(screen, target, platform)
    screen.title('Every step did what it says.')
    if (keep) {
      explainKeeping(screen, platform)
      await untilStopped()
    }
  } finally {
    await platform?.stop()
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
