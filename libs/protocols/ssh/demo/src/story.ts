import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { DemoCast } from '@sallyport/protocol-kit/demo'
import type { AgentClient, Answer } from './agent-client.js'
import type { BuildHost } from './build-host.js'
import { CONNECTION } from './configuration.js'

const POLL_MS = 50
const POLLS_MAX = 400
/** A command that was refused exits with it. */
const REFUSED = 126

interface Approval { readonly id: string; readonly summary: string; readonly connection: string; readonly principal: { readonly uid: string } }
interface Session { readonly id: string; readonly status: string }
interface Command { readonly action: string; readonly status: string }

/** Asks until there is an answer. Throws when there is none for 20 seconds. */
const until = async <T>(what: string, ask: () => Promise<T | undefined>): Promise<T> => {
  for (let polls = 0; polls < POLLS_MAX; polls += 1) {
    const found = await ask()
    if (found !== undefined) return found
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
  }
  throw new Error(`${what} never came`)
}

const show = ({ screen }: DemoCast, { output, errors }: Answer): void => {
  if (output !== '') screen.plain(output)
  if (errors !== '') screen.says('gateway', errors)
}

const runs = async (cast: DemoCast, agent: AgentClient, command: string): Promise<Answer> => {
  cast.screen.says('agent', `ssh ${CONNECTION} '${command}'`)
  const answer = await agent.ssh(command)
  show(cast, answer)
  return answer
}

const masked = async (cast: DemoCast, host: BuildHost, agent: AgentClient): Promise<void> => {
  cast.step('A command that only reads: it runs, and the secret in the file is masked.')
  const { status, output } = await runs(cast, agent, `cat ${host.shop}/config.env`)
  cast.check(status === 0 && output.includes('REGION=eu-central-1') && !output.includes(host.secret), 'the settings pass, the access key does not')
}

const refused = async (cast: DemoCast, host: BuildHost, agent: AgentClient): Promise<void> => {
  cast.step('What it may not do: refused before it runs, with the reason, and however it is wrapped.')
  const root = await runs(cast, agent, `sudo ${host.shop}/restart`)
  cast.check(root.status === REFUSED && root.errors.includes('Agents work as themselves.'), `sudo was refused by policy no-privileges, with exit status ${REFUSED}`)
  const removed = await runs(cast, agent, `cd ${host.shop} && ls orders | xargs -I{} rm -rf orders/{}`)
  cast.check(removed.status === REFUSED && removed.errors.includes('Nothing is removed by hand') && existsSync(`${host.shop}/orders/today.csv`), 'rm behind xargs was found; not even the harmless part of the line ran')
}

const held = async (cast: DemoCast, host: BuildHost, agent: AgentClient): Promise<void> => {
  cast.step('A restart: held in flight until a person agrees.')
  const command = `${host.shop}/restart`
  cast.screen.says('agent', `ssh ${CONNECTION} ${command}`)
  let notice = ''
  const running = agent.ssh(command, (text) => { notice = text })
  const pending = await until('a request to decide about', async () => ((await cast.approvers.carol.get('/v1/approvals?status=pending')) as { items: Approval[] }).items.find(({ connection }) => connection === CONNECTION))
  await until('the notice', () => Promise.resolve(notice.includes(pending.id) ? notice : undefined))
  cast.screen.says('gateway', notice.trim())
  cast.screen.says('approver', `carol sees ${pending.id}: ${pending.principal.uid} on ${pending.connection} wants to run\n${pending.summary}`)
  cast.check(!existsSync(`${host.shop}/restarts`), 'ssh waits; nothing was restarted')
  cast.screen.says('approver', 'carol: approve ("After the deployment, ticket 4712.")')
  await cast.approvers.carol.post(`/v1/approvals/${pending.id}/approve`, { comment: 'After the deployment, ticket 4712.' })
  const answer = await running
  cast.screen.plain(answer.output)
  cast.check(answer.status === 0 && readFileSync(`${host.shop}/restarts`, 'utf8').trim().split('\n').length === 1, 'ssh went on by itself; the shop was restarted once')
}

const copied = async (cast: DemoCast, host: BuildHost, agent: AgentClient): Promise<void> => {
  cast.step('Files: a download is recorded with its size and digest, an upload is refused.')
  const orders = `${host.shop}/orders/today.csv`
  cast.screen.says('agent', `scp ${CONNECTION}:${orders} .`)
  show(cast, await agent.scp(`${CONNECTION}:${orders}`, `${host.desk}/today.csv`))
  cast.check(readFileSync(`${host.desk}/today.csv`).equals(readFileSync(orders)), 'the file arrived as it is')
  cast.screen.says('agent', `scp today.csv ${CONNECTION}:${host.shop}/orders/tomorrow.csv`)
  const up = await agent.scp(`${host.desk}/today.csv`, `${CONNECTION}:${host.shop}/orders/tomorrow.csv`)
  show(cast, up)
  cast.check(up.status !== 0 && up.errors.includes('Files get onto this host by deployments.') && !existsSync(`${host.shop}/orders/tomorrow.csv`), 'the upload was refused, nothing arrived')
}

const replayed = async (cast: DemoCast, host: BuildHost, agent: AgentClient): Promise<void> => {
  cast.step('The replay, and the audit trail.')
  await agent.end()
  const session = await until('the session in the audit trail', async () => ((await cast.auditor.get(`/v1/sessions?connection=${CONNECTION}`)) as { items: Session[] }).items.find(({ status }) => status === 'closed'))
  const replay = await until('the approval in the replay', async () => {
    const text = await cast.auditor.text(`/v1/sessions/${session.id}/replay?format=text`)
    return text.includes('ticket 4712') ? text : undefined
  })
  cast.screen.plain(replay)
  const { items: events } = (await cast.auditor.get(`/v1/events?session=${session.id}&limit=1000`)) as { items: { sequence: number }[] }
  const sequences = events.map(({ sequence }) => sequence).sort((a, b) => a - b)
  cast.check(sequences.length > 0 && sequences.every((sequence, index) => sequence === index + 1), `${sequences.length} events, numbered without a gap`)
  const { items: commands } = (await cast.auditor.get(`/v1/sessions/${session.id}/commands?limit=1000`)) as { items: Command[] }
  const count = (status: string): number => commands.filter((command) => command.status === status).length
  const digest = createHash('sha256').update(readFileSync(`${host.shop}/orders/today.csv`)).digest('hex')
  const ran = commands.filter(({ action, status }) => status === 'completed' && ['ssh.inspect', 'ssh.exec'].includes(action)).length
  cast.check(host.logIns() === 1 && ran === 2 && count('refused') === 3, 'one log-in at the host by its own log; two commands ran, three were refused')
  cast.check(commands.some((command) => JSON.stringify(command).includes(digest)), `the download is there with its SHA-256, ${digest.slice(0, 16)}…`)
  cast.check(!JSON.stringify([events, commands, replay]).includes(host.secret), 'the access key is not in the trail')
}

/** Plays the chapter. Throws at the first step that did not do what it says. */
export const play = async (cast: DemoCast, host: BuildHost, agent: AgentClient): Promise<void> => {
  await masked(cast, host, agent)
  await refused(cast, host, agent)
  await held(cast, host, agent)
  await copied(cast, host, agent)
  await replayed(cast, host, agent)
}
