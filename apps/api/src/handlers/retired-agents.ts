import { nameSchema } from '@sallyport/contracts/change'
import { retiredAgentSpecSchema } from '@sallyport/contracts/directory'
import { listOf } from '@sallyport/contracts/rpc'
import { z } from 'zod'
import { ofKind } from '../directory/document.js'
import { Problem } from '../http/problem.js'
import { route, type Route } from '../http/route.js'
import { found, pageByName, pageQuery } from './lists.js'

const viewSchema = z.object({ name: nameSchema, spec: retiredAgentSpecSchema })

/** Agents that were removed: what is left of them, and how that is lifted where somebody was registered by mistake. */
export const retiredAgentRoutes: readonly Route[] = [
  route({
    method: 'GET', path: '/v1/retired-agents', access: ['admin', 'auditor'], summary: 'List removed agents: nothing is done under their names', query: pageQuery, reply: listOf(viewSchema),
    handle: ({ query }, { directory }) => ({ body: pageByName(ofKind(directory.documents(), 'retired-agent').map(({ object, spec }) => ({ name: object, spec })), query) }),
  }),
  route({
    method: 'DELETE', path: '/v1/retired-agents/{name}', access: ['admin'], configures: true, summary: 'Forget a removed agent: whoever it was is from then on what the tokens say',
    handle: async ({ params, caller }, { directory, guards }) => {
      const name = params['name']!
      const documents = directory.documents()
      const retired = ofKind(documents, 'retired-agent').find(({ object }) => object === name)
      if (retired === undefined && ofKind(documents, 'agent').some(({ object }) => object === name)) throw new Problem('conflict', `The agent "${name}" is registered: remove it first, then what is left of it can be forgotten.`)
      found(retired, `removed agent "${name}"`)
      await directory.forget(name, caller.principal.uid)
      await guards.bring(directory.documents(), true)
      return {}
    },
  }),
]
