import { Option } from 'commander'
import { answer, type Definition } from '../command.js'
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

export const credential: Definition = {
  usage: 'credential <connection>',
  summary: 'make a short-lived session credential for one connection; it is shown once',
  examples: ['credential orders-prod', 'credential orders-prod --ttl 300 --json'],
  options: [new Option('--ttl <seconds>', 'how long it is good for (default: as long as the API allows)').argParser(wholeNumber(86_400))],
  run: async ({ args, context, options }) => {
    const made = await context.waiting('making a credential', issueCredential(context.api(), args[0]!, options['ttl'] as number | undefined))
    return answer(made, fields([['connection', made.connection], ['credential', made.credential], ['until', time(made.expiresAt)], ['id', made.id]]))
  },
}
