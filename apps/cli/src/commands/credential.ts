import { readFileSync } from 'node:fs'
import { Option } from 'commander'
import { answer, type Definition } from '../command.js'
import { CliError, exitStatus } from '../errors.js'
import { fields, time } from '../output/table.js'
import type { Api } from '../session/api.js'
import { wholeNumber } from './limit.js'

/** Answer of POST /v1/credentials; `credential` is the secret. */
export interface SessionCredential {
  readonly id: string
  readonly credential: string
  readonly connection: string
  readonly expiresAt: string
}

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Where clients connect, by protocol. */
export const listeners = async (api: Api): Promise<Readonly<Record<string, Endpoint>>> => (await api.get<{ listeners: Record<string, Endpoint> }>('/v1/listeners')).listeners

export const issueCredential = (api: Api, connection: string, ttlSeconds?: number): Promise<SessionCredential> =>
  api.post('/v1/credentials', { connection, ...(ttlSeconds === undefined ? {} : { ttlSeconds }) })

const publicKeyIn = (file: string): string => {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new CliError(exitStatus.usage, `the file ${file} can't be read`, {}, { cause })
  }
}

export const credential: Definition = {
  usage: 'credential <connection>',
  summary: 'make a short-lived session credential for one connection; it is shown once',
  details: 'With --public-key there is no secret: whoever holds the private half is let in as you, on that connection, until then.',
  examples: ['credential orders-prod', 'credential orders-prod --ttl 300 --json', 'credential build-host --public-key ~/.ssh/id_ed25519.pub'],
  options: [
    new Option('--ttl <seconds>', 'how long it is good for (default: as long as the API allows)').argParser(wholeNumber(86_400)),
    new Option('--public-key <file>', 'register the key in this .pub file instead of making a secret'),
  ],
  run: async ({ args, context, options }) => {
    const [connection, ttl, keyFile] = [args[0]!, options['ttl'] as number | undefined, options['publicKey'] as string | undefined]
    if (keyFile !== undefined) {
      const registered = await context.waiting('registering the key', context.api().post<Omit<SessionCredential, 'credential'>>('/v1/credentials', { connection, publicKey: publicKeyIn(keyFile), ...(ttl === undefined ? {} : { ttlSeconds: ttl }) }))
      return answer(registered, fields([['connection', registered.connection], ['public key', keyFile], ['until', time(registered.expiresAt)], ['id', registered.id]]))
    }
    const made = await context.waiting('making a credential', issueCredential(context.api(), connection, ttl))
    return answer(made, fields([['connection', made.connection], ['credential', made.credential], ['until', time(made.expiresAt)], ['id', made.id]]))
  },
}
