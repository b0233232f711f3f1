import type { Adapter, AdapterPayload } from 'oidc-provider'

const ENTRIES_MAX = 10_000

interface Entry {
  readonly payload: AdapterPayload
  readonly expiresAt: number
}

/** Sessions, codes and grants in memory; the oldest go when there are too many. Tokens are not stored at all: they are JWTs. */
export const memoryAdapter = (): ((model: string) => Adapter) => {
  const entries = new Map<string, Entry>()

  const live = (key: string): AdapterPayload | undefined => {
    const entry = entries.get(key)
    if (entry === undefined || entry.expiresAt > Date.now()) return entry?.payload
    entries.delete(key)
    return undefined
  }
  const first = (model: string, matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined => {
    for (const key of entries.keys()) {
      const payload = key.startsWith(`${model}:`) ? live(key) : undefined
      if (payload !== undefined && matches(payload)) return payload
    }
    return undefined
  }

  return (model) => ({
    upsert: async (id, payload, expiresIn) => {
      entries.set(`${model}:${id}`, { payload, expiresAt: expiresIn === undefined ? Infinity : Date.now() + expiresIn * 1000 })
      if (entries.size > ENTRIES_MAX) entries.delete(entries.keys().next().value!)
    },
    find: async (id) => live(`${model}:${id}`),
    findByUserCode: async (userCode) => first(model, (payload) => payload.userCode === userCode),
    findByUid: async (uid) => first(model, (payload) => payload.uid === uid),
    consume: async (id) => {
      const payload = live(`${model}:${id}`)
      if (payload !== undefined) payload['consumed'] = Math.floor(Date.now() / 1000)
    },
    destroy: async (id) => void entries.delete(`${model}:${id}`),
    revokeByGrantId: async (grantId) => {
      for (const [key, entry] of entries) if (entry.payload.grantId === grantId) entries.delete(key)
    },
  })
}
