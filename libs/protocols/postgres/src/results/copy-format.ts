/** How the lines of COPY TO STDOUT are built. */
export type CopyFormat = { readonly kind: 'text' } | { readonly kind: 'csv'; readonly header: boolean } | { readonly kind: 'binary' }

const shape = /^\s*copy\b[\s\S]*\bto\s+stdout\s*(?:with\b\s*)?([\s\S]*?)\s*;?\s*$/i

/**
 * The format as far as the text shows it beyond doubt: one COPY without comments, with no option or only the format and the header.
 * Undefined: anything else.
 */
export const copyFormat = (text: string): CopyFormat | undefined => {
  if (text.includes('--') || text.includes('/*')) return undefined
  const options = shape.exec(text)?.[1]?.toLowerCase().replace(/\s+/g, ' ')
  switch (options?.replace(/^\((.*)\)$/, (_, inner: string) => `(${inner.trim().replace(/\s*,\s*/g, ', ')})`)) {
    case '':
    case '(format text)':
    case "(format 'text')":
      return { kind: 'text' }
    case 'csv':
    case '(format csv)':
    case "(format 'csv')":
      return { kind: 'csv', header: false }
    case 'csv header':
    case '(format csv, header)':
    case '(format csv, header true)':
    case '(format csv, header on)':
      return { kind: 'csv', header: true }
    case 'binary':
    case '(format binary)':
      return { kind: 'binary' }
    default:
      return undefined
  }
}
