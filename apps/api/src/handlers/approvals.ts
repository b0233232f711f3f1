import { approvalSchema, approve, deny, getApproval, listApprovals, type Approval } from '@sallyport/contracts/approval'
import { interestedUids } from '@sallyport/contracts/identity'
import { at, listOf, page, RpcError } from '@sallyport/contracts/rpc'
import { exactText } from '@sallyport/contracts/session'
import type { Bus } from '@sallyport/messaging'
import { z } from 'zod'
import { isPerson } from '../http/authorise.js'
import { Problem } from '../http/problem.js'
import { route, type Caller, type Route } from '../http/route.js'
import { limitSchema } from './lists.js'

const LIMIT_DEFAULT = 100
const listQuery = z.object({ limit: limitSchema, cursor: page.cursor, status: z.enum(['pending', 'approved', 'denied', 'expired', 'withdrawn']).optional() }).strict()
const verdictSchema = z.object({ comment: z.string().max(4000).default('') }).strict()

const seesAll = (caller: Caller): boolean => caller.roles.has('auditor') || caller.roles.has('approver')

/** The groups that are asked and this caller is in; whether he may decide needs a token that shows a person too. */
const groupsOf = (caller: Caller): readonly string[] => (caller.principal.kind === 'user' && caller.principal.chain.length === 0 ? caller.principal.groups : [])

const askedOf = (approval: Approval, caller: Caller): boolean => approval.needs.some(({ group }) => groupsOf(caller).includes(group))

/** A verdict counts from people in a needed group who neither asked nor stand behind who asked. `approval` judges it again, and finally. */
const canDecide = (approval: Approval, caller: Caller): boolean => isPerson(caller) && askedOf(approval, caller) && !interestedUids(approval.principal).includes(caller.principal.uid)

/** Not found for whom it doesn't concern: whether it exists is none of his business. */
const visible = async (bus: Bus, id: string, caller: Caller): Promise<Approval> => {
  const approval = await bus.call(getApproval, { id })
  if (seesAll(caller) || askedOf(approval, caller) || interestedUids(approval.principal).includes(caller.principal.uid)) return approval
  throw new Problem('not-found', `There is no approval ${id} that concerns you.`)
}

/** What he asked for, or stands behind, together with what his groups are asked: two lists with one order and one kind of cursor. */
const ownList = async (bus: Bus, query: z.output<typeof listQuery>, caller: Caller): Promise<{ items: Approval[]; next: string | null }> => {
  const limit = query.limit ?? LIMIT_DEFAULT
  const groups = groupsOf(caller)
  const lists = await Promise.all([
    bus.call(listApprovals, { ...query, limit, requester: caller.principal.uid }),
    ...(groups.length === 0 ? [] : [bus.call(listApprovals, { ...query, limit, groups: [...groups] })]),
  ])
  const merged = new Map(lists.flatMap(({ items }) => items).map((approval) => [approval.id, approval]))
  const items = [...merged.values()].sort((a, b) => (a.id < b.id ? 1 : -1))
  const shown = items.slice(0, limit)
  const more = items.length > limit || lists.some(({ next }) => next !== null)
  return { items: shown, next: more ? shown.at(-1)?.id ?? null : null }
}

/** Who decides on the masked text does so knowingly: never an error without words. */
const notShown = (approval: Approval, cause: unknown): unknown => {
  if (!(cause instanceof RpcError) || (cause.code !== 'not-found' && (cause.code !== 'unavailable' || approval.mode === 'hold'))) return cause
  const why = cause.code === 'not-found' ? cause.message : 'the proxy that keeps it can\'t be asked now'
  return new Problem('conflict', `The exact text can't be shown: ${why}. The approval's summary is the masked text; if that is not enough to decide on, deny it and say so.`, undefined, {}, { cause })
}

const verdict = (verb: 'approve' | 'deny', summary: string): Route => route({
  method: 'POST', path: `/v1/approvals/{id}/${verb}`, access: 'person', summary, body: verdictSchema, reply: approvalSchema,
  handle: async ({ params, body, caller }, { bus }) => {
    const { id } = await visible(bus, params['id']!, caller)
    return { body: await bus.call(verb === 'approve' ? approve : deny, { id, approver: caller.principal, comment: body.comment }) }
  },
})

export const approvalRoutes: readonly Route[] = [
  route({
    method: 'GET', path: '/v1/approvals', access: 'anyone', summary: 'List approvals, newest first: those one asked for or may decide about; with the role approver or auditor all', query: listQuery, reply: listOf(approvalSchema),
    handle: async ({ query, caller }, { bus }) => ({ body: seesAll(caller) ? await bus.call(listApprovals, query) : await ownList(bus, query, caller) }),
  }),
  route({ method: 'GET', path: '/v1/approvals/{id}', access: 'anyone', summary: 'Read one approval', reply: approvalSchema, handle: async ({ params, caller }, { bus }) => ({ body: await visible(bus, params['id']!, caller) }) }),
  route({
    method: 'GET', path: '/v1/approvals/{id}/exact', access: 'person', summary: 'Fetch the exact text from the proxy that holds it, for who can decide about it; it is not stored', reply: exactText.response,
    handle: async ({ params, caller }, { bus }) => {
      const approval = await visible(bus, params['id']!, caller)
      if (!canDecide(approval, caller)) throw new Problem('forbidden', 'The exact text is for those who can decide about it.')
      if (approval.status !== 'requested') throw new Problem('conflict', `The approval is ${approval.status}: there is nothing to decide any more.`)
      const exact = await bus.call(at(exactText, approval.proxy), { approval: approval.id }).catch((cause: unknown) => { throw notShown(approval, cause) })
      if (exact.digest !== approval.digest) throw new Problem('conflict', 'The proxy holds something else than what was asked for. Do not approve it.')
      return { body: exact }
    },
  }),
  verdict('approve', 'Approve, with a comment'),
  verdict('deny', 'Deny, with a comment that the client is shown'),
]
