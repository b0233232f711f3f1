import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { ProtocolDescriptor } from '@sallyport/protocol-kit'
import type { Definition } from '../command.js'
import type { Environment } from '../config.js'
import { CliError, exitStatus } from '../errors.js'
import type { ConnectionView } from './connections.js'
import { issueCredential, listeners } from './credential.js'

const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const
/** From the terminal these reach the program itself, which shares its process group. */
const ALREADY_THERE: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT'])
/** Never handed on: the program gets a credential for one connection, not the token that makes them. */
const OURS = ['SALLYPORT_TOKEN', 'SALLYPORT_CLIENT_SECRET']

/** Runs a program on this terminal. Resolves with its exit status, 128 and the signal's number when a signal ended it, as shells say it. */
const runHere = (program: string, args: readonly string[], env: Environment): Promise<number> => new Promise((resolve, reject) => {
  const child = spawn(program, [...args], { stdio: 'inherit', env })
  const handlers = FORWARDED.map((signal) => [signal, () => void (ALREADY_THERE.has(signal) && process.stdin.isTTY ? undefined : child.kill(signal))] as const)
  const settle = (): void => { for (const [signal, handler] of handlers) process.off(signal, handler) }
  for (const [signal, handler] of handlers) process.on(signal, handler)
  child.once('error', (cause: NodeJS.ErrnoException) => {
    settle()
    const why = cause.code === 'ENOENT' ? `there is no program ${program} on PATH: install it first` : `${program} can't be run: ${cause.message}`
    reject(new CliError(exitStatus.noProgram, why, {}, { cause }))
  })
  child.once('exit', (code, signal) => {
    settle()
    resolve(code ?? 128 + constants.signals[signal!])
  })
})

/** Runs the real client program of a protocol against a connection, with the listener's endpoint and a fresh credential in its environment. */
export const clientProgram = (program: string, protocols: readonly ProtocolDescriptor[]): Definition => ({
  usage: `${program} <connection> [args...]`,
  summary: `run ${program} through Sallyport (${protocols.filter(({ clients }) => clients?.[program] !== undefined).map(({ title }) => title).join(', ')})`,
  details: `Arguments after the connection are ${program}'s own, and so is the exit status. Options for Sallyport come before the connection.`,
  examples: [`${program} orders-prod`, `${program} orders-prod --help`],
  passesOn: true,
  run: async ({ args: [name, ...args], context }) => {
    const api = context.api()
    const prepare = async () => {
      const connection = await api.get<ConnectionView>(`/v1/connections/${encodeURIComponent(name!)}`)
      const { protocol } = connection.spec
      const client = protocols.find((descriptor) => descriptor.name === protocol)?.clients?.[program]
      if (client === undefined) throw new CliError(exitStatus.usage, `${program} can't talk to "${connection.name}": that is a connection of protocol ${protocol}`)
      const listener = (await listeners(api))[protocol]
      if (listener === undefined) throw new CliError(exitStatus.unavailable, `Sallyport says nowhere to connect for ${protocol}: SALLYPORT_LISTENERS of the API`)
      const made = await issueCredential(api, connection.name)
      return { made, ...client(listener, connection.name, made.credential) }
    }
    const { made, env, args: leading = [] } = await context.waiting('making a credential', prepare())
    const inherited = Object.fromEntries(Object.entries(context.config.env).filter(([variable]) => !OURS.includes(variable)))
    try {
      return { kind: 'ended', status: await runHere(program, [...leading, ...args], { ...inherited, ...env }) }
    } finally {
      // It expires anyway: that this fails changes nothing for who ran the program.
      await api.delete(`/v1/credentials/${encodeURIComponent(made.id)}`).catch(() => undefined)
    }
  },
})
