import { Refusal } from '@sallyport/protocol-kit'
import { requestOperation } from '../operations.js'
import { refuseRequest, type Serve } from './request.js'

/** Subsystems that are understood, by name; any other is judged, recorded and not opened. */
export const subsystems: Readonly<Record<string, Serve>> = {}

const NAME = /^[\w.@-]{1,64}$/

export const serveUnknownSubsystem = (name: string): Serve => async ({ gate, host }, request) => {
  const known = NAME.test(name) ? name : 'a name that can\'t be read'
  const verdict = await gate.judge(requestOperation('ssh.subsystem', 'unrecognised', { subsystem: known }, `subsystem ${known}`), () => undefined, request.signal)
  if (verdict.kind === 'refuse') return refuseRequest(request, verdict.refusal)
  host.finish(verdict.ticket, { outcome: 'failed', bytesOut: 0, error: { code: 'unrecognised', message: 'no such subsystem is understood' } })
  return refuseRequest(request, new Refusal('unrecognised', `the subsystem ${known} is not understood`))
}
