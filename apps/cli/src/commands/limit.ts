import { InvalidArgumentError, Option } from 'commander'

const LIMIT_MAX = 100_000

/** A whole number from 1 on. Throws what commander makes a usage error of. */
export const wholeNumber = (max: number) => (text: string): number => {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < 1 || number > max) throw new InvalidArgumentError(`It is a number from 1 to ${max}.`)
  return number
}

export const limitOption = (): Option => new Option('--limit <n>', 'how many at most').argParser(wholeNumber(LIMIT_MAX)).default(100)

export const limitOf = (options: Readonly<Record<string, unknown>>): number => options['limit'] as number

export const moreText = ({ next, items }: { readonly next: string | null; readonly items: readonly unknown[] }): string =>
  (next === null ? '' : `These are the first ${items.length}; --limit shows more.\n`)
