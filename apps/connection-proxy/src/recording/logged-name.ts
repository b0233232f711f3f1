import { maskLogText } from '@sallyport/masking-engine'

const NAME_CHARS_MAX = 200
const clean = { detection: [], touchesMasked: false }

/**
 * What a peer chose as a name, or said in passing, as the log may hold it. People put e-mail addresses into application names and tokens
 * into the field for the user: whatever has the form of a secret is hidden, and then it is cut to length.
 */
export const loggedName = (text: string): string => {
  const masked = maskLogText(clean, text, [], false)
  return masked.length <= NAME_CHARS_MAX ? masked : `${masked.slice(0, NAME_CHARS_MAX)}…`
}

/** The same for every value of an object. */
export const loggedNames = (names: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(names).map(([name, value]) => [name, loggedName(value)]))
