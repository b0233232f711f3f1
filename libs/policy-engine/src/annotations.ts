import { suggestion } from './nearest.js'
import { EXPIRES_DEFAULT_MS, limits } from './limits.js'

/** What a `forbid` with `@approval` asks for. */
export interface ApprovalTerms {
  readonly group: string
  readonly count: number
  readonly expiresMs: number
  readonly park: boolean
}

/** What a policy's annotations say. */
export interface PolicyTerms {
  readonly id: string
  readonly reason?: string
  readonly remedy?: string
  readonly approval?: ApprovalTerms
}

export interface AnnotationFault {
  /** Name of the annotation that is wrong; undefined: one is missing. */
  readonly annotation?: string
  readonly message: string
}

const names = ['id', 'reason', 'remedy', 'approval', 'approvals', 'expires', 'park'] as const
type Name = (typeof names)[number]

const ID_FORM = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,${limits.idLengthMax - 1}}$`)
const DURATION_FORM = /^([1-9][0-9]{0,5})([smh])$/
const COUNT_FORM = /^[1-9][0-9]{0,2}$/
const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 }

/** `15m`, `1h`, `30s` in milliseconds, or undefined when it isn't such a duration or is over a day. */
const durationMs = (text: string): number | undefined => {
  const found = DURATION_FORM.exec(text)
  const ms = Number(found?.[1]) * (unitMs[found?.[2] ?? ''] ?? NaN)
  return ms <= limits.expiresMaxMs ? ms : undefined
}

/** Reads the annotations of one policy; a value of null is an annotation without a value. */
export const readAnnotations = (effect: 'permit' | 'forbid', annotations: Readonly<Record<string, string | null>>): { terms?: PolicyTerms; faults: AnnotationFault[] } => {
  const faults: AnnotationFault[] = []
  for (const [name, value] of Object.entries(annotations)) {
    const message = (names as readonly string[]).includes(name) ? valueFault(name as Name, value) : `there is no annotation @${name}.${suggestion(name, names)} Known are ${names.map((known) => `@${known}`).join(', ')}.`
    if (message !== undefined) faults.push({ annotation: name, message })
  }
  const value = (name: Name): string | undefined => (Object.hasOwn(annotations, name) ? (annotations[name] ?? '') : undefined)
  const approval = value('approval')
  if (value('id') === undefined) faults.push({ message: 'every policy needs an @id("…") that no other policy has' })
  if (approval !== undefined && effect === 'permit') faults.push({ annotation: 'approval', message: '@approval belongs on a forbid: it forbids until people of that group agree' })
  if (approval === undefined) {
    for (const name of ['approvals', 'expires', 'park'] as const) {
      if (value(name) !== undefined) faults.push({ annotation: name, message: `@${name} means nothing without @approval("group"): add it, or take @${name} away` })
    }
  }
  if (faults.length > 0) return { faults }
  const [reason, remedy] = [value('reason'), value('remedy')]
  return {
    faults,
    terms: {
      id: value('id') ?? '',
      ...(reason === undefined ? {} : { reason }),
      ...(remedy === undefined ? {} : { remedy }),
      ...(approval === undefined ? {} : { approval: { group: approval, count: Number(value('approvals') ?? '1'), expiresMs: durationMs(value('expires') ?? '') ?? EXPIRES_DEFAULT_MS, park: value('park') !== undefined } }),
    },
  }
}

const valueFault = (name: Name, value: string | null): string | undefined => {
  switch (name) {
    case 'id': return ID_FORM.test(value ?? '') ? undefined : `@id("…") must be 1 to ${limits.idLengthMax} letters, digits or . _ : / -, beginning with a letter or digit`
    case 'reason':
    case 'remedy': return (value ?? '').trim() === '' ? `@${name}("…") needs a text` : undefined
    case 'approval': return (value ?? '').trim() === '' ? '@approval("…") needs the group whose people may approve' : undefined
    case 'approvals': return COUNT_FORM.test(value ?? '') && Number(value) <= limits.approvalsMax ? undefined : `@approvals("…") must be a whole number from 1 to ${limits.approvalsMax}`
    case 'expires': return durationMs(value ?? '') === undefined ? '@expires("…") must be a number and s, m or h, such as "30s", "15m" or "1h", at most 24 hours' : undefined
    case 'park': return value === null ? undefined : '@park takes no value: write it without brackets'
    default: return name satisfies never
  }
}
