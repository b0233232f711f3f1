import { Refusal } from '@sallyport/protocol-kit'
import { requestOperation } from '../operations.js'
import type { StartServer } from '../sftp/open-server.js'
import { serveScp } from '../sftp/serve-scp.js'
import { serveSftp } from '../sftp/serve-sftp.js'
import { isLocale } from './environment.js'
import { runExec } from './exec.js'
import { refuseRequest, type Serve } from './request.js'

const startSftp: StartServer = (upstream, done) => upstream.subsys('sftp', done)

/** Subsystems that are understood, by name; any other is judged, recorded and not opened. */
export const subsystems: Readonly<Record<string, Serve>> = {
  sftp: serveSftp('subsystem sftp', startSftp),
}

const NAME = /^[\w.@-]{1,64}$/

export const serveUnknownSubsystem = (name: string): Serve => async ({ gate, host }, request) => {
  const known = NAME.test(name) ? name : 'a name that can\'t be read'
  const verdict = await gate.judge(requestOperation('ssh.subsystem', 'unrecognised', { subsystem: known }, `subsystem ${known}`), () => undefined, request.signal)
  if (verdict.kind === 'refuse') return refuseRequest(request, verdict.refusal)
  host.finish(verdict.ticket, { outcome: 'failed', bytesOut: 0, error: { code: 'unrecognised', message: 'no such subsystem is understood' } })
  return refuseRequest(request, new Refusal('unrecognised', `the subsystem ${known} is not understood`))
}

/** One command: what starts a transfer that is understood is served by that. Rejects only when the session can't go on. */
export const serveExec = (command: string): Serve => async (conversation, request) => {
  const { host, options } = conversation
  const { effects } = await host.recognise(command, { harmless: JSON.stringify(options.harmless), terminal: request.terminal === undefined ? 'no' : 'yes' })
  const plain = Object.keys(request.environment).every(isLocale)
  const tool = effects.every(({ action }) => action === 'ssh.transfer') ? effects[0]!.facts['transferTool'] : undefined
  if (plain && tool === 'sftp') return serveSftp(command, (upstream, done) => upstream.exec(command, done))(conversation, { ...request, terminal: undefined })
  if (plain && tool === 'scp') return serveScp(command, startSftp)(conversation, { ...request, terminal: undefined })
  return runExec(conversation, request, command)
}
