export type ReadinessCheck = () => boolean | Promise<boolean>

const CHECK_TIMEOUT_MS = 2_000

/** Something without which the process is of no use any more, and that can't be mended within it. */
export interface VitalFault {
  readonly name: string
  readonly why: string
}

/** What must be true for the service to take work. A check that takes too long counts as false. */
export class Readiness {
  private readonly vital: (VitalFault & { readonly check: () => boolean })[] = []
  private readonly checks = new Map<string, ReadinessCheck>()

  add(name: string, check: ReadinessCheck): void {
    this.checks.set(name, check)
  }

  /** A check that, once false, stays false: the process is replaced. `why` says so in its last line. */
  addVital(name: string, check: () => boolean, why: string): void {
    this.add(name, check)
    this.vital.push({ name, why, check })
  }

  brokenVital(): VitalFault | undefined {
    return this.vital.find(({ check }) => !check())
  }

  async evaluate(): Promise<{ ready: boolean; checks: Record<string, boolean> }> {
    const entries = await Promise.all([...this.checks].map(async ([name, check]) => [name, await within(check)] as const))
    return { ready: entries.every(([, ok]) => ok), checks: Object.fromEntries(entries) }
  }
}

const within = async (check: ReadinessCheck): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => { timer = setTimeout(() => resolve(false), CHECK_TIMEOUT_MS) })
  try {
    return await Promise.race([Promise.resolve(check()), late])
  } catch {
    return false
  } finally {
    clearTimeout(timer)
  }
}
