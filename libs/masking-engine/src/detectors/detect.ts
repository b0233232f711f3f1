import type { DetectorId } from '@sallyport/contracts/masking'
import { awsAccessKey } from './aws-access-key.js'
import { creditCard } from './credit-card.js'
import { email } from './email.js'
import { genericSecret } from './generic-secret.js'
import { jwt } from './jwt.js'
import { nationalId } from './national-id.js'
import { privateKey } from './private-key.js'
import type { Detector, Span } from './span.js'
import { feature, survey } from './survey.js'

/** Each shipped detector, and features of which a text must have one (of `any`) or it can't find anything. */
const shipped: Readonly<Record<DetectorId, { readonly any: number; readonly detector: Detector }>> = {
  email: { any: feature.AT, detector: email },
  credit_card: { any: feature.DIGITS_13, detector: creditCard },
  aws_access_key: { any: feature.TOKEN_20, detector: awsAccessKey },
  private_key: { any: feature.DASHES, detector: privateKey },
  jwt: { any: feature.DOT, detector: jwt },
  generic_secret: { any: feature.TOKEN_14 | feature.ASSIGNS | feature.WORDS, detector: genericSecret },
  national_id: { any: feature.DIGITS_6 | feature.TOKEN_14, detector: nationalId },
}

export interface Finding extends Span {
  /** Index into the list of detectors that was asked for. */
  readonly by: number
}

/** Makes a scanner of the named detectors; it answers undefined when there is nothing, and then has allocated nothing for most texts. */
export const createScanner = (detectors: readonly DetectorId[]): ((text: string) => Finding[] | undefined) => {
  const chosen = detectors.map((id) => shipped[id])
  const any = chosen.reduce((bits, { any: needs }) => bits | needs, 0)
  const spans: Span[] = []
  return (text) => {
    const features = survey(text)
    if ((features & any) === 0) return undefined
    let findings: Finding[] | undefined
    for (let by = 0; by < chosen.length; by += 1) {
      const { any: needs, detector } = chosen[by]!
      if ((features & needs) === 0) continue
      detector(text, spans, features)
      if (spans.length === 0) continue
      findings ??= []
      for (const { from, to } of spans) findings.push({ from, to, by })
      spans.length = 0
    }
    return findings
  }
}
