import type { ApprovalNeed } from '@sallyport/contracts/policy'

/** One person who approved, with the needed groups that this person is in. */
export interface Supporter {
  readonly uid: string
  readonly groups: readonly string[]
}

/**
 * Whether these people are enough: each need gets `count` of its group's people, and one person counts for one need only, however
 * many groups he or she is in. The assignment is a maximum matching (augmenting paths, breadth first, so without recursion).
 * A person listed twice counts once.
 */
export const needsMet = (needs: readonly ApprovalNeed[], supporters: readonly Supporter[]): boolean => {
  const people = groupsByPerson(supporters)
  const assigned = needs.map(() => new Set<string>())
  let places = needs.reduce((sum, need) => sum + need.count, 0)
  for (const uid of people.keys()) {
    if (places === 0) break
    if (assign(uid, needs, people, assigned)) places -= 1
  }
  return places === 0
}

const groupsByPerson = (supporters: readonly Supporter[]): ReadonlyMap<string, ReadonlySet<string>> => {
  const people = new Map<string, Set<string>>()
  for (const { uid, groups } of supporters) people.set(uid, new Set([...(people.get(uid) ?? []), ...groups]))
  return people
}

/** Finds a place for `uid`, moving others to further needs of theirs where that makes room. */
const assign = (uid: string, needs: readonly ApprovalNeed[], people: ReadonlyMap<string, ReadonlySet<string>>, assigned: readonly Set<string>[]): boolean => {
  /** For each need that was reached: who would move into it, and which need that person leaves (none for `uid`). */
  const reached = new Map<number, { readonly mover: string; readonly leaves: number | undefined }>()
  const queue: number[] = []
  const reach = (mover: string, leaves: number | undefined): void => {
    needs.forEach((need, index) => {
      if (reached.has(index) || people.get(mover)?.has(need.group) !== true) return
      reached.set(index, { mover, leaves })
      queue.push(index)
    })
  }
  reach(uid, undefined)
  for (let index = queue.shift(); index !== undefined; index = queue.shift()) {
    if (assigned[index]!.size < needs[index]!.count) {
      moveAlong(index, reached, assigned)
      return true
    }
    for (const holder of assigned[index]!) reach(holder, index)
  }
  return false
}

const moveAlong = (free: number, reached: ReadonlyMap<number, { readonly mover: string; readonly leaves: number | undefined }>, assigned: readonly Set<string>[]): void => {
  for (let index: number | undefined = free; index !== undefined;) {
    const { mover, leaves }: { readonly mover: string; readonly leaves: number | undefined } = reached.get(index)!
    assigned[index]!.add(mover)
    if (leaves !== undefined) assigned[leaves]!.delete(mover)
    index = leaves
  }
}
