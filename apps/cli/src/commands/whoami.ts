import type { Principal } from '@sallyport/contracts/identity'
import { answer, type Definition } from '../command.js'
import { fields, time } from '../output/table.js'

/** Answer of GET /v1/whoami. */
export interface Whoami {
  readonly principal: Principal
  readonly roles: readonly string[]
  readonly expiresAt: string
}

export const whoami: Definition = {
  usage: 'whoami',
  summary: 'say who you are to Sallyport, for whom you act, and which roles you have',
  examples: ['whoami', 'whoami --json'],
  run: async ({ context }) => {
    const known = await context.waiting('asking who you are', context.api().get<Whoami>('/v1/whoami'))
    const { principal, roles, expiresAt } = known
    return answer(known, fields([
      ['who', `${principal.uid} (${principal.kind})`],
      ['owner', principal.owner],
      ['acting for', principal.chain.length === 0 ? undefined : principal.chain.map(({ uid }) => uid).join(', for ')],
      ['groups', principal.groups.join(', ') || 'none'],
      ['roles', roles.join(', ') || 'none'],
      ['until', time(expiresAt)],
    ]))
  },
}
