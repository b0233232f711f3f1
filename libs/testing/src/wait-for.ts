const POLL_MS = 10

/** Waits until the condition answers something truthy, which it returns. Throws when the deadline passes, with the last error if there was one. */
export const waitFor = async <T>(condition: () => T | Promise<T>, options: { readonly timeoutMs?: number; readonly what?: string } = {}): Promise<NonNullable<T>> => {
  const timeoutMs = options.timeoutMs ?? 10_000
  const deadline = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const value = await condition()
      if (value) return value as NonNullable<T>
      last = undefined
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) throw new Error(`${options.what ?? 'the condition'} did not come true within ${timeoutMs} ms${last === undefined ? '' : `: ${String(last)}`}`, { cause: last })
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
  }
}
