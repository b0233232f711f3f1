import { chineseId, codiceFiscale, cpf, frenchNir, germanTaxId, pesel, spanishId, verhoeff } from './checksums.js'
import { luhn } from './credit-card.js'
import { eachMatch, whole, type Detector } from './span.js'
import { feature } from './survey.js'

const digitsOf = (text: string): number[] => [...text].flatMap((char) => (char >= '0' && char <= '9' ? [Number(char)] : []))

interface Form {
  /** A feature without which a text can't hold it. */
  readonly needs: number
  readonly pattern: RegExp
  readonly holds: (match: RegExpExecArray) => boolean
}

/** Neither a letter nor a digit may stand beside a number. */
const form = (source: string, holds: Form['holds'], flags = 'g', needs: number = feature.DIGITS_9): Form => ({ needs, pattern: new RegExp(`(?<![A-Za-z0-9])(?:${source})(?![A-Za-z0-9])`, flags), holds })

const birthDate = '(?:19|20)\\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\\d|3[01])'

/** Documented forms whose check digits or, where there are none, whose rules of assignment hold. Bare 9-digit numbers are left alone: everything looks like one. */
const forms: readonly Form[] = [
  // United States, SSN: area not 000, 666 or 9xx, group not 00, serial not 0000.
  form('(?!000|666|9)\\d{3}([- ])(?!00)\\d{2}\\1(?!0000)\\d{4}', () => true),
  form('(?<=(?:ssn|social security)[^0-9\\n]{1,16})(?!000|666|9)\\d{3}(?!00)\\d{2}(?!0000)\\d{4}', () => true, 'gi'),
  // United Kingdom, national insurance number: prefixes that are given out.
  form('(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\\d{2} ?\\d{2} ?\\d{2} ?[A-D]', () => true, 'gi', feature.DIGITS_6),
  // France, NIR with its key.
  form('([12] ?\\d{2} ?(?:0[1-9]|[1-9]\\d) ?(?:\\d{2}|2[AB]) ?\\d{3} ?\\d{3}) ?(\\d{2})', (match) => frenchNir(match[1]!.replaceAll(' ', ''), Number(match[2])), 'gi', feature.DIGITS_6),
  // Germany, tax id.
  form('[1-9]\\d ?\\d{3} ?\\d{3} ?\\d{3}', (match) => germanTaxId(digitsOf(match[0]))),
  // Poland, PESEL.
  form('\\d{11}', (match) => pesel(digitsOf(match[0]))),
  // Brazil, CPF.
  form('\\d{3}\\.?\\d{3}\\.?\\d{3}-?\\d{2}', (match) => cpf(digitsOf(match[0]))),
  // Spain, DNI and NIE.
  form('(\\d{8})-?([A-Z])', (match) => spanishId(Number(match[1]), match[2]!), 'gi', feature.DIGITS_6),
  form('([XYZ])-?(\\d{7})-?([A-Z])', (match) => spanishId('XYZ'.indexOf(match[1]!.toUpperCase()) * 10_000_000 + Number(match[2]), match[3]!), 'gi', feature.DIGITS_6),
  // India, Aadhaar.
  form('[2-9]\\d{3}([- ]?)\\d{4}\\1\\d{4}', (match) => verhoeff(digitsOf(match[0]))),
  // Canada, SIN: with separators only.
  form('[1-79]\\d{2}([- ])\\d{3}\\1\\d{3}', (match) => luhn(digitsOf(match[0]), 0, 9)),
  // Sweden, personal number: Luhn over ten digits.
  form('(?:19|20)?(\\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\\d|3[01])[-+]\\d{4})', (match) => luhn(digitsOf(match[1]!), 0, 10)),
  // China, resident identity number.
  form(`[1-8]\\d{5}${birthDate}\\d{3}[\\dX]`, (match) => chineseId(match[0]), 'gi'),
  // Italy, codice fiscale.
  form('[A-Z]{6}\\d{2}[A-EHLMPRST]\\d{2}[A-Z]\\d{3}[A-Z]', (match) => codiceFiscale(match[0]), 'gi', feature.TOKEN_14),
]

/** National identity and tax numbers, by the check digits or rules of fourteen countries' forms. */
export const nationalId: Detector = (text, found, features) => {
  for (const { needs, pattern, holds } of forms) if ((features & needs) !== 0) eachMatch(pattern, text, (match) => (holds(match) ? whole(match) : undefined), found)
}
