import type { SessionHost } from '@sallyport/protocol-kit'
import { maskReport, textPlan, touchesAnything } from '../results/free-text.js'
import { textCodec } from '../encodings.js'
import { TargetRefused } from '../upstream/index.js'

const hidden = 'the target refused the log-in; its text is hidden, because it comes from a function and the connection has masked data'
const withheld = 'the target refused the log-in; its text is withheld, because masking is unavailable'

/** Runs a part of the log-in; what the target says when it refuses is masked before anybody reads it: the client, and the log. @throws what `run` throws */
export const maskingRefusals = async <T>(host: SessionHost, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof TargetRefused)) throw error
    const plan = await textPlan(host, touchesAnything)
    const message = plan === undefined ? withheld : plan.touchesMasked && error.error.raised ? hidden : plan.freeText(error.error.message)
    throw new TargetRefused({ ...error.error, message })
  }
}

/** Notices of the log-in (a trigger's), masked as those of a command that may have read anything. */
export const maskedNotices = async (host: SessionHost, notices: readonly Buffer[], encoding: string | undefined): Promise<readonly Buffer[]> => {
  if (notices.length === 0) return notices
  const plan = await textPlan(host, touchesAnything)
  return notices.map((notice) => maskReport(notice, 0, notice.length, plan, textCodec(encoding ?? 'UTF8')).bytes)
}
