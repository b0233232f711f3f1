/** What stands for a masked value: `[masked]`, `[masked:<rule>]`, or `[hash:<22 characters of base64url>]`. */
export const PLACEHOLDER_PATTERN = /\[(?:masked(?::[a-z0-9-]{1,63})?|hash:[A-Za-z0-9_-]{22})\]/

/** For text hidden by no rule in particular: literals of a statement, quoted values of an error. */
export const HIDDEN = '[masked]'

export const placeholderOf = (rule: string): string => `[masked:${rule}]`

/** Whether a text holds a placeholder: writing it back would destroy the value that it stands for. Partial masks can't be recognised. */
export const containsPlaceholder = (text: string): boolean => PLACEHOLDER_PATTERN.test(text)
