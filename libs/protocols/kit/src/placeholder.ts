/** What stands for a masked value: `[masked]`, `[masked:<rule>]`, or `[hash:<22 characters of base64url>]`. Partial masks can't be recognised. */
export const PLACEHOLDER_PATTERN = /\[(?:masked(?::[a-z0-9-]{1,63})?|hash:[A-Za-z0-9_-]{22})\]/

/** Longest placeholder, in characters and bytes. */
export const placeholderBytesMax = '[masked:'.length + 63 + ']'.length

const bracket = '['.charCodeAt(0)
const marks = ['[masked', '[hash:'].map((text) => ({ text, bytes: Buffer.from(text) }))

/**
 * Whether a text holds a placeholder: writing it back would destroy the value that it stands for. Where there is none it costs a native
 * search for each mark. Bytes may be of any encoding of which ASCII is a part.
 */
export const containsPlaceholder = (content: string | Buffer): boolean => {
  if (typeof content !== 'string' && content.indexOf(bracket) === -1) return false
  for (const { text, bytes } of marks) {
    if (typeof content === 'string') {
      const at = content.indexOf(text)
      if (at !== -1 && PLACEHOLDER_PATTERN.test(content.slice(at))) return true
    } else {
      const at = content.indexOf(bytes)
      if (at !== -1 && PLACEHOLDER_PATTERN.test(content.toString('latin1', at))) return true
    }
  }
  return false
}
