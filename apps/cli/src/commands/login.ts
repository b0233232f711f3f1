import { setTimeout as sleep } from 'node:timers/promises'
import { Option } from 'commander'
import { answer, type Call, type Definition } from '../command.js'
import { CliError, exitStatus } from '../errors.js'
import { visible } from '../output/visible.js'
import { createApi } from '../session/api.js'
import { clientCredentials, deviceFlow, discover, type DevicePrompt, type Token } from '../session/issuer.js'
import { saveLogin } from '../session/session-file.js'
import type { Whoami } from './whoami.js'

const PUBLIC_CLIENT = 'sallyport-cli'

const promptText = ({ url, urlWithCode, code, expiresInS }: DevicePrompt): string =>
  `Open ${visible(url)} in a browser, on any machine, and enter the code\n\n    ${visible(code)}\n\n${urlWithCode === undefined ? '' : `or open ${visible(urlWithCode)}\n`}It is good for ${Math.floor(expiresInS / 60)} minutes. Waiting …\n`

const tokenFor = async ({ options, context, json }: Call, issuerUrl: string): Promise<Token> => {
  const metadata = await context.waiting('asking the issuer', discover(issuerUrl))
  const id = options['clientId'] as string | undefined
  const show = (prompt: DevicePrompt): void => context.terminal.err(json ? `${JSON.stringify({ login: prompt })}\n` : promptText(prompt))
  if (id === undefined) return deviceFlow(metadata, PUBLIC_CLIENT, show, (ms) => sleep(ms))
  const secret = (options['clientSecret'] as string | undefined) ?? context.config.clientSecret
  if (secret === undefined) throw new CliError(exitStatus.usage, '--client-id needs a secret: set SALLYPORT_CLIENT_SECRET, or give --client-secret')
  return context.waiting('asking the issuer', clientCredentials(metadata, { id, secret }))
}

const run: Definition['run'] = async (call) => {
  const { context, options } = call
  const api = context.apiUrl(options['api'] as string | undefined)
  const issuer = context.issuerUrl(options['issuer'] as string | undefined)
  const { accessToken, expiresAt } = await tokenFor(call, issuer)
  const { principal, roles } = await context.waiting('asking who that is', createApi(api, accessToken).get<Whoami>('/v1/whoami'))
  saveLogin(context.config.stateDir, api, { issuer, accessToken, expiresAt: expiresAt.toISOString() })
  if (context.config.token !== undefined) context.terminal.err('SALLYPORT_TOKEN is set: other commands use that token, not this log-in.\n')
  return answer({ api, issuer, uid: principal.uid, kind: principal.kind, roles, expiresAt: expiresAt.toISOString() }, `Logged in to ${api} as ${visible(principal.uid)} until ${expiresAt.toISOString()}.\n`)
}

export const login: Definition = {
  usage: 'login',
  summary: 'log in, as a person in a browser or as an agent with a client secret',
  details: 'Without options it prints a URL and a code, opens nothing, and waits until the code was entered.\nThe token is kept in $XDG_CONFIG_HOME/sallyport/session.json, which only you can read; it is sent to the API it was made for and nowhere else.',
  examples: ['login', 'login --api https://sallyport.corp --issuer https://idp.corp', 'login --client-id coding-agent    # with SALLYPORT_CLIENT_SECRET set'],
  options: [
    new Option('--client-id <name>', 'log in with client credentials, as agents do'),
    new Option('--client-secret <secret>', 'its secret; better in SALLYPORT_CLIENT_SECRET, where other users can\'t see it'),
    new Option('--api <url>', 'URL of the API (default: SALLYPORT_API, the last log-in\'s, http://127.0.0.1:7300)'),
    new Option('--issuer <url>', 'URL of the OpenID Connect issuer (default: SALLYPORT_ISSUER, the last log-in\'s, http://127.0.0.1:7301)'),
  ],
  run,
}
