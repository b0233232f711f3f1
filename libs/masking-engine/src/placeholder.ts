/** For text hidden by no rule in particular: literals of a statement, quoted values of an error. */
export const HIDDEN = '[masked]'

export const placeholderOf = (rule: string): string => `[masked:${rule}]`
