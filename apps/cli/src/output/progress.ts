const PATIENCE_MS = 1000
const ERASE_LINE = '\r\u001b[K'

/** Says on a terminal what is being waited for once it takes more than a second, and takes it back at the end. */
export const progress = async <T>(what: string, work: Promise<T>, write: ((text: string) => void) | undefined): Promise<T> => {
  if (write === undefined) return work
  let seconds = 0
  const timer = setInterval(() => {
    seconds += 1
    write(`${ERASE_LINE}${what} … ${seconds} s`)
  }, PATIENCE_MS)
  try {
    return await work
  } finally {
    clearInterval(timer)
    if (seconds > 0) write(ERASE_LINE)
  }
}
