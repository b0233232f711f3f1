import { nameSchema } from '@sallyport/contracts/change'
import { applyReplySchema, applyRequestSchema } from '@sallyport/contracts/directory'
import { listRules, maskingRuleSchema, maskingRuleSpecSchema, preview, putRule, removeRule } from '@sallyport/contracts/masking'
import { principalSchema } from '@sallyport/contracts/identity'
import { actionClassSchema, explain, explainReplySchema, factsSchema, listPolicies, policyDocumentSchema, putPolicy, removePolicy } from '@sallyport/contracts/policy'
import { listOf } from '@sallyport/contracts/rpc'
import { z } from 'zod'
import { Problem } from '../http/problem.js'
import { route, type Route } from '../http/route.js'
import { visibleConnection } from './directory.js'
import { found, pageByName, pageQuery } from './lists.js'

const readers = ['admin', 'auditor'] as const
const APPLY_BYTES_MAX = 16 * 1024 * 1024

const nameOf = (params: Readonly<Record<string, string>>): string => {
  const name = nameSchema.safeParse(params['name'])
  if (!name.success) throw new Problem('invalid', name.error.issues[0]!.message, [{ field: 'name', message: name.error.issues[0]!.message }])
  return name.data
}

const refuseTaken = (name: string, existing: readonly { readonly name: string }[]): void => {
  if (existing.some((each) => each.name === name)) throw new Problem('conflict', `There is one named "${name}" already; PUT replaces it.`)
}

const policyRoutes: Route[] = [
  route({ method: 'GET', path: '/v1/policies', access: readers, summary: 'List policy documents', query: pageQuery, reply: listOf(policyDocumentSchema), handle: async ({ query }, { bus }) => ({ body: pageByName((await bus.call(listPolicies, {})).items, query) }) }),
  route({
    method: 'GET', path: '/v1/policies/{name}', access: readers, summary: 'Read one policy document', reply: policyDocumentSchema,
    handle: async ({ params }, { bus }) => ({ body: found((await bus.call(listPolicies, {})).items.find(({ name }) => name === params['name']), `policy document "${params['name']}"`) }),
  }),
  route({
    method: 'PUT', path: '/v1/policies/{name}', access: ['admin'], configures: true, summary: 'Create or replace one policy document (Cedar)', body: policyDocumentSchema.pick({ text: true }).strict(), reply: policyDocumentSchema,
    handle: async ({ params, body, caller }, { bus }) => ({ body: (await bus.call(putPolicy, { document: { name: nameOf(params), text: body.text, managedBy: 'api' }, actor: caller.principal.uid })).document }),
  }),
  route({
    method: 'POST', path: '/v1/policies', access: ['admin'], configures: true, status: 201, summary: 'Create one policy document (Cedar)', body: policyDocumentSchema.pick({ name: true, text: true }).strict(), reply: policyDocumentSchema,
    handle: async ({ body, caller }, { bus }) => {
      refuseTaken(body.name, (await bus.call(listPolicies, {})).items)
      return { body: (await bus.call(putPolicy, { document: { ...body, managedBy: 'api' }, actor: caller.principal.uid })).document }
    },
  }),
  route({
    method: 'DELETE', path: '/v1/policies/{name}', access: ['admin'], configures: true, summary: 'Remove one policy document',
    handle: async ({ params, caller }, { bus }) => {
      await bus.call(removePolicy, { name: nameOf(params), managedBy: 'api', actor: caller.principal.uid })
      return {}
    },
  }),
]

const ruleRoutes: Route[] = [
  route({ method: 'GET', path: '/v1/masking-rules', access: readers, summary: 'List masking rules', query: pageQuery, reply: listOf(maskingRuleSchema), handle: async ({ query }, { bus }) => ({ body: pageByName((await bus.call(listRules, {})).items, query) }) }),
  route({
    method: 'GET', path: '/v1/masking-rules/{name}', access: readers, summary: 'Read one masking rule', reply: maskingRuleSchema,
    handle: async ({ params }, { bus }) => ({ body: found((await bus.call(listRules, {})).items.find(({ name }) => name === params['name']), `masking rule "${params['name']}"`) }),
  }),
  route({
    method: 'PUT', path: '/v1/masking-rules/{name}', access: ['admin'], configures: true, summary: 'Create or replace one masking rule', body: z.object({ spec: maskingRuleSpecSchema }).strict(), reply: maskingRuleSchema,
    handle: async ({ params, body, caller }, { bus }) => ({ body: (await bus.call(putRule, { rule: { name: nameOf(params), spec: body.spec, managedBy: 'api' }, actor: caller.principal.uid })).rule }),
  }),
  route({
    method: 'POST', path: '/v1/masking-rules', access: ['admin'], configures: true, status: 201, summary: 'Create one masking rule', body: z.object({ name: nameSchema, spec: maskingRuleSpecSchema }).strict(), reply: maskingRuleSchema,
    handle: async ({ body, caller }, { bus }) => {
      refuseTaken(body.name, (await bus.call(listRules, {})).items)
      return { body: (await bus.call(putRule, { rule: { ...body, managedBy: 'api' }, actor: caller.principal.uid })).rule }
    },
  }),
  route({
    method: 'DELETE', path: '/v1/masking-rules/{name}', access: ['admin'], configures: true, summary: 'Remove one masking rule',
    handle: async ({ params, caller }, { bus }) => {
      await bus.call(removeRule, { name: nameOf(params), managedBy: 'api', actor: caller.principal.uid })
      return {}
    },
  }),
  route({
    method: 'POST', path: '/v1/masking-rules/preview', access: ['admin', 'auditor'], summary: 'Show what a rule would do to sample values, which are not kept', repeats: 'free', body: preview.request, reply: preview.response,
    handle: async ({ body }, { bus }) => ({ body: await bus.call(preview, body as z.input<typeof preview.request>) }),
  }),
]

/** `class` may be left out for actions that the connection's protocol knows; `principal` is the caller unless it is said otherwise. */
const explainSchema = z.object({
  connection: nameSchema,
  effects: z.array(z.object({ action: z.string(), class: actionClassSchema.optional(), facts: factsSchema.default({}) }).strict()).min(1).max(64),
  principal: principalSchema.partial({ owner: true, chain: true }).optional(),
  circumstances: z.object({ sourceAddress: z.string().default('127.0.0.1'), intent: z.string().optional(), grants: z.array(z.string()).default([]) }).strict().optional(),
}).strict()

const changeRoutes: Route[] = [
  route({
    method: 'POST', path: '/v1/policies/explain', access: 'anyone', summary: 'Say how a command would be decided and why; about others only with a role', repeats: 'free', body: explainSchema, reply: explainReplySchema,
    handle: async ({ body, caller }, services) => {
      const { bus, directory, protocols } = services
      if (body.principal !== undefined && !readers.some((role) => caller.roles.has(role))) throw new Problem('forbidden', 'Only admins and auditors may ask about others; leave "principal" out to ask about yourself.')
      const view = directory.view()
      const connection = visibleConnection(services, caller, body.connection)
      const { actions } = protocols.find(({ name }) => name === connection.spec.protocol) ?? { actions: {} as Record<string, never> }
      const effects = body.effects.map((effect, index) => {
        const actionClass = effect.class ?? actions[effect.action] ?? (effect.action === 'connect' ? 'connect' as const : undefined)
        if (actionClass === undefined) throw new Problem('invalid', `There is no action "${effect.action}".`, [{ field: `effects.${index}.action`, message: `"${effect.action}" is no action of ${connection.spec.protocol}; say its "class", or use one of ${Object.keys(actions).join(', ')}` }])
        return { action: effect.action, class: actionClass, facts: effect.facts }
      })
      const principal = body.principal === undefined ? caller.principal : view.principal({ ...body.principal, chain: body.principal.chain ?? [] })
      const facts = { name: connection.name, protocol: connection.spec.protocol, labels: connection.labels, revision: connection.revision }
      return { body: await bus.call(explain, { principal, connection: facts, effects, circumstances: body.circumstances ?? { sourceAddress: '127.0.0.1' } }) }
    },
  }),
  route({
    method: 'POST', path: '/v1/configuration/apply', access: ['admin'], configures: true, summary: 'Apply a whole configuration: all of it or nothing', bodyBytesMax: APPLY_BYTES_MAX, body: applyRequestSchema, reply: applyReplySchema,
    handle: async ({ body, caller }, { changes }) => ({ body: await changes.apply(body, caller.principal.uid) }),
  }),
]

export const ruleRoutesOfAll: readonly Route[] = [...policyRoutes, ...ruleRoutes, ...changeRoutes]
