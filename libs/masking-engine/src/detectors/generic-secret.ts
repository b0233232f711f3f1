import { eachMatch, type Detector, type Span } from './span.js'
import { feature } from './survey.js'
import { eachTokenRun, tokenShape } from './token-runs.js'

/** Credentials that say what they are. */
const labelled = new RegExp(`(?<![A-Za-z0-9])(?:${[
  'gh[pousr]_[A-Za-z0-9]{30,255}', 'github_pat_[A-Za-z0-9_]{22,255}', 'glpat-[A-Za-z0-9_-]{20,255}',
  'xox[abceoprs]-[A-Za-z0-9-]{10,255}', 'xapp-[A-Za-z0-9-]{10,255}', 'hooks\\.slack\\.com/services/[A-Za-z0-9/]{20,255}',
  '(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,255}', 'whsec_[A-Za-z0-9+/=]{16,255}', 'npm_[A-Za-z0-9]{30,255}', 'pypi-[A-Za-z0-9_-]{30,255}',
  'AIza[A-Za-z0-9_-]{35}', 'GOCSPX-[A-Za-z0-9_-]{20,255}', 'ya29\\.[A-Za-z0-9_-]{20,1024}', '1//0[A-Za-z0-9_-]{20,255}',
  'SG\\.[A-Za-z0-9_-]{16,64}\\.[A-Za-z0-9_-]{16,128}', 'sk-[A-Za-z0-9_-]{20,255}', 'hf_[A-Za-z0-9]{30,255}', 'do[op]_v1_[a-f0-9]{40,128}',
  'dckr_pat_[A-Za-z0-9_-]{20,255}', 'shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}', 'AGE-SECRET-KEY-1[A-Z0-9]{20,128}', 'spc_[A-Za-z0-9_-]{10,255}',
].join('|')})`, 'g')

/** First three characters of every labelled credential. */
const heads = new Set('ghp gho ghu ghs ghr git glp xox xap hoo sk_ rk_ whs npm pyp AIz GOC ya2 1// SG. sk- hf_ dop doo dck shp AGE spc'.split(' '))
const isWord = (code: number): boolean => (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)

/** Whether a word starts like a labelled credential: much cheaper than the expression. */
const mayBeLabelled = (text: string): boolean => {
  let inside = false
  for (let index = 0; index < text.length; index += 1) {
    const letter = isWord(text.charCodeAt(index))
    if (letter && !inside && heads.has(text.slice(index, index + 3))) return true
    inside = letter
  }
  return false
}

const NAMES = String.raw`pass(?:word|wd|phrase|code)|secret(?:[_-]?(?:access[_-]?)?key)?|(?:api|access|private|account|signing|encryption|master|auth)[_-]?key|api[_-]?secret|token|credentials?|(?<![A-Za-z])(?:pass|pwd)`
/** A name, what may close it, an operator, blanks, and a value: quoted up to its quote, or bare up to what can't be in it. */
const assignment = new RegExp(
  String.raw`(?:${NAMES})[\\"'\]]{0,3}[ \t]{0,4}(?:=>|:=|==|!=|<>|=|:)[ \t]{0,4}(?:\\?"([^"\\\n]{1,1024})|'([^'\n]{1,1024})|([^\s"'\`,;&<>(){}[\]]{4,1024}))`,
  'gi',
)
/** SQL: `password 'x'`, `identified by 'x'`; HTTP: `Bearer x`, `Basic x`. */
const worded = /(?<![A-Za-z])(?:(?:password|identified[ \t\n]{1,4}by)[ \t\n]{1,8}(?:E|U&)?'([^'\n]{1,1024})|(?:bearer|basic)[ \t]{1,4}([A-Za-z0-9._~+/-]{8,1024}={0,2}))/gi
/** The password of a URL's user information, RFC 3986 section 3.2.1. */
const userInfo = /:\/\/[^\s:@/?#'"]{0,128}:([^\s@/?#'"]{1,256})@/g
/** What stands where a secret would, and is none: placeholders of programs, and of this engine. */
const harmless = /^(?:null|none|nil|true|false|undefined|default|current|\*+|\$\d+|\?|%[sd]|:[a-z]\w*|\[(?:masked|hash)\b.*|\$\{.*|<.*)$/i

const VALUE_CHARS_MAX = 1024
const valueEnd = /["'\s]/g

/** The group that took part, unless it holds nothing secret. It is the last thing matched, but for the "@" of a URL. */
const value = (match: RegExpExecArray, text: string): Span | undefined => {
  const secret = match[1] ?? match[2] ?? match[3]
  if (secret === undefined || harmless.test(secret)) return undefined
  const from = match.index + match[0].lastIndexOf(secret)
  const to = from + secret.length
  if (secret.length < VALUE_CHARS_MAX) return { from, to }
  // Longer than the pattern looks: the rest goes with it.
  valueEnd.lastIndex = to
  return { from, to: valueEnd.exec(text)?.index ?? text.length }
}

const isLabelledTail = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f || code === 0x2d

/** The match, and what of the same word goes on behind the pattern's bound. */
const word = (match: RegExpExecArray, text: string): Span => {
  let to = match.index + match[0].length
  while (isLabelledTail(text.charCodeAt(to))) to += 1
  return { from: match.index, to }
}

const TOKEN_CHARS_MIN = 20
const HEX_CHARS_MIN = 32
/** Longer runs are bulk data: images, documents, bytea. */
const BULK_CHARS = 1024
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const ulid = /^01[0-9A-HJKMNP-TV-Z]{24}$/
const ownId = /^(?:ses|cmd|ap|gr|evt|chg|px)_[0-9a-hjkmnp-tv-z]{26}$/
const ENTROPY_MIN = 3.4
const HEX_ENTROPY_MIN = 2.8
const DIGIT_TURNS_MIN = 3
const TURN_SHARE_MIN = 0.45

const looksRandom = (text: string, from: number, to: number): boolean => {
  if (to - from > BULK_CHARS) return false
  if (to - from === 36 && uuid.test(text.slice(from, to))) return false
  const shape = tokenShape(text, from, to)
  if (shape.hex) return to - from >= HEX_CHARS_MIN && shape.entropy >= HEX_ENTROPY_MIN && shape.digits < to - from
  if (shape.classes < 2 || shape.entropy < ENTROPY_MIN) return false
  if (shape.digitTurns < DIGIT_TURNS_MIN && shape.turnShare < TURN_SHARE_MIN) return false
  const token = text.slice(from, to)
  return !ulid.test(token) && !ownId.test(token)
}

/**
 * Credentials with a known prefix, values assigned to names like `password` or `api_key`, passwords in URLs and in SQL, bearer tokens,
 * and strings that look random.
 *
 * Random means: 20 to 1024 characters of base 64, at least two kinds of letters and digits that change often, and high entropy; words,
 * paths and identifiers do not. Pure hexadecimal counts from 32 characters on: digests and commit ids are hidden with it, because an
 * API key of 128 bits looks the same and a hidden digest costs less than a shown key. UUIDs, ULIDs and this platform's own ids are
 * names of things and pass, unless they are assigned to a name that says secret.
 */
export const genericSecret: Detector = (text, found, features) => {
  if ((features & feature.TOKEN_14) !== 0 && mayBeLabelled(text)) eachMatch(labelled, text, word, found)
  if ((features & feature.TOKEN_20) !== 0) eachTokenRun(text, TOKEN_CHARS_MIN, (from, to) => { if (looksRandom(text, from, to)) found.push({ from, to }) })
  if ((features & feature.ASSIGNS) !== 0) {
    eachMatch(assignment, text, value, found)
    eachMatch(userInfo, text, value, found)
  }
  if ((features & feature.WORDS) !== 0) eachMatch(worded, text, value, found)
}
