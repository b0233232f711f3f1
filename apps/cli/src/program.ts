import type { ProtocolDescriptor } from '@sallyport/protocol-kit'
import { Command, CommanderError } from 'commander'
import { addCommand, examplesText, type Definition } from './command.js'
import { agents } from './commands/agents.js'
import { apply } from './commands/apply.js'
import { approvals } from './commands/approvals.js'
import { clientProgram } from './commands/client-program.js'
import { connections } from './commands/connections.js'
import { credential } from './commands/credential.js'
import { login } from './commands/login.js'
import { policyExplain } from './commands/policy-explain.js'
import { replay } from './commands/replay.js'
import { sessions } from './commands/sessions.js'
import { whoami } from './commands/whoami.js'
import type { Config } from './config.js'
import { createContext, type Context, type Terminal } from './context.js'
import { CliError, exitStatus } from './errors.js'
import { visibleLines } from './output/visible.js'

export interface Run {
  readonly args: readonly string[]
  readonly config: Config
  readonly terminal: Terminal
  readonly protocols: readonly ProtocolDescriptor[]
}

const statusHelp = `
Exit status: 0 done, 1 failed, 2 wrong usage, 3 not logged in or not allowed, 4 no such thing, 5 wrong configuration,
6 Sallyport or the issuer can't be reached or can't answer now, 127 no such program. A client program's own otherwise.
`
const launcherHelp = `
The platform itself: ./sallyport demo | up | test | bench
`

const group = (parent: Command, name: string, summary: string): Command =>
  parent.command(name).summary(summary).description(summary).option('--json', 'machine-readable output; errors as JSON on standard error')

const createProgram = ({ protocols, terminal }: Run, context: Context, ended: (status: number) => void): Command => {
  const program = new Command('sallyport').exitOverride().enablePositionalOptions()
    .description('The command-line client of Sallyport, the gateway between agents, people and infrastructure.')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err, outputError: () => undefined })
    .option('--json', 'machine-readable output; errors as JSON on standard error')
    .addHelpText('after', examplesText(['login', 'psql orders-prod -c "select 1"', 'approvals', 'replay ses_01jd…', 'apply -f config --dry-run']) + statusHelp + launcherHelp)
  const add = (parent: Command, definition: Definition): void => addCommand(parent, context, ended, definition)
  for (const definition of [login, whoami, connections, credential, sessions, replay, apply]) add(program, definition)
  const decisions = group(program, 'approvals', 'list approvals, show one, approve, deny')
  for (const definition of approvals) add(decisions, definition)
  const removedAgents = group(program, 'agents', 'list removed agents, forget one')
  for (const definition of agents) add(removedAgents, definition)
  add(group(program, 'policy', 'explain decisions'), policyExplain(protocols))
  const clients = new Set(protocols.flatMap((protocol) => Object.keys(protocol.clients ?? {})))
  for (const client of clients) add(program, clientProgram(client, protocols))
  return program
}

/** Whether errors are wanted as JSON, also where the arguments could not be parsed: what follows `--` or a client program's name is not ours. */
const wantsJson = (args: readonly string[], protocols: readonly ProtocolDescriptor[]): boolean => {
  const end = args.findIndex((arg) => arg === '--' || protocols.some(({ clients }) => clients?.[arg] !== undefined))
  return (end < 0 ? args : args.slice(0, end + 2)).includes('--json')
}

const failureOf = (thrown: unknown): { status: number; message: string; details: object } => {
  if (thrown instanceof CliError) return thrown
  if (thrown instanceof CommanderError) return { status: exitStatus.usage, message: `${thrown.message.replace(/^error: /, '')}\nHow it is used: sallyport --help, sallyport COMMAND --help`, details: {} }
  return { status: exitStatus.failed, message: `this should not have happened: ${thrown instanceof Error ? thrown.message : String(thrown)}`, details: {} }
}

/** Runs one command line; resolves with the exit status. Never throws. */
export const runCommandLine = async (run: Run): Promise<number> => {
  const { args, terminal, protocols } = run
  const json = wantsJson(args, protocols)
  let status = 0
  try {
    const program = createProgram(run, createContext(run.config, terminal), (code) => { status = code })
    await program.parseAsync(args.length === 0 ? ['--help'] : [...args], { from: 'user' })
    return status
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0
    // A group without a command: commander has shown its help.
    if (thrown instanceof CommanderError && thrown.code === 'commander.help' && !json) return exitStatus.usage
    const { status: failed, message, details } = failureOf(thrown)
    terminal.err(json ? `${JSON.stringify({ error: { exitStatus: failed, message, details } })}\n` : `sallyport: ${visibleLines(message)}\n`)
    return failed
  }
}
