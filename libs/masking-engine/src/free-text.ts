import type { Span } from './detectors/span.js'

/** Quotation marks of PostgreSQL's and others' messages in several languages, opening and closing. */
const quotes = [['"', '"'], ['\'', '\''], ['`', '`'], ['“', '”'], ['„', '“'], ['‘', '’'], ['»', '«'], ['«', '»'], ['「', '」'], ['『', '』']] as const

/** Position behind the first opening parenthesis that doesn't belong to a function's name: one after a blank, `=` or nothing. */
const parenthesis = /(?:^|[\s=])[(（]/
const colon = /: |:\n|：/

/**
 * Parts of a message in which a target shows values, when the operation touches masked data: from the first to the last mark of each
 * kind of quotation marks (a value may hold such marks itself), from the first to the last parenthesis that isn't a function's
 * (`Key (email)=(x)`, `Failing row contains (…)`), and all after the first colon (`invalid input syntax for type json: …`,
 * `JSON data, line 1: …`). Names of columns are hidden with it: which word is a value, a message doesn't say.
 */
export const valueSpans = (text: string): Span[] => {
  const spans: Span[] = []
  const open: number[] = []
  for (const [mark, partner] of quotes) {
    const from = text.indexOf(mark) + 1
    const to = text.lastIndexOf(partner)
    if (from > 0 && to >= from) spans.push({ from, to })
    else if (from > 0) open.push(from)
  }
  // A mark without a partner: the text may be cut off, so the value reaches to the end; unless it closes what another mark opened.
  for (const from of open) if (!spans.some(({ to }) => to === from - 1)) spans.push({ from, to: text.length })
  const bracket = parenthesis.exec(text)
  if (bracket !== null) {
    const from = bracket.index + bracket[0].length
    const last = Math.max(text.lastIndexOf(')'), text.lastIndexOf('）'))
    spans.push({ from, to: last >= from ? last : text.length })
  }
  const mark = colon.exec(text)
  if (mark !== null) spans.push({ from: mark.index + mark[0].length, to: text.length })
  return spans.filter(({ from, to }) => to > from)
}
