import { z } from 'zod'
import { problemSchema } from './problem.js'
import type { Access, Route } from './route.js'

/** OpenAPI 3.1 of the table of routes; its schemas are those that the requests are checked with. */
export const openApi = (routes: readonly Route[]): object => {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(route)
  return {
    openapi: '3.1.0',
    info: { title: 'Sallyport', version: '1', description: 'Errors are application/problem+json (RFC 9457). Lists answer {items, next}; give `next` as `cursor` for the page after.' },
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An OIDC access token of a trusted issuer.' } },
      schemas: { Problem: json(problemSchema, 'output') },
    },
  }
}

const json = (schema: z.ZodType, io: 'input' | 'output'): object => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}

const problem = { description: 'Refused', content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } }

const saysWho = (access: Access): string => {
  if (access === 'public') return 'Public.'
  if (access === 'anyone') return 'For every verified principal.'
  if (access === 'person') return 'For people who act for themselves, not for agents.'
  return `Needs the role ${access.join(' or ')}.`
}

const operationOf = (route: Route): object => {
  const status = String(route.status ?? (route.reply === undefined && route.mediaTypes === undefined && route.access !== 'public' ? 204 : 200))
  return {
    operationId: `${route.method.toLowerCase()}${route.path.replace(/^\/v1/, '').replaceAll(/[^A-Za-z0-9]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary: route.summary,
    description: saysWho(route.access),
    'x-sallyport-access': route.access,
    security: route.access === 'public' ? [] : [{ token: [] }],
    parameters: [...pathParameters(route), ...queryParameters(route), ...(route.method === 'POST' && route.repeats !== 'free' ? [idempotencyKey] : [])],
    ...(route.body === undefined ? {} : { requestBody: { required: true, content: { 'application/json': { schema: json(route.body, 'input') } } } }),
    responses: { [status]: answerOf(route), default: problem },
  }
}

const idempotencyKey = { name: 'Idempotency-Key', in: 'header', required: false, description: 'The same request with the same key runs once; its answer is kept for a day.', schema: { type: 'string', maxLength: 200 } }

const answerOf = ({ reply, mediaTypes, access }: Route): object => {
  if (reply === undefined) return { description: 'Done', ...(access === 'public' ? { content: { 'application/json': {} } } : {}) }
  const schema = json(reply, 'output')
  const content = Object.fromEntries((mediaTypes ?? ['application/json']).map((type) => [type, type === 'application/json' ? { schema } : { schema: { type: 'string' } }]))
  return { description: 'Done', content }
}

const pathParameters = ({ path }: Route): object[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))

const queryParameters = ({ query }: Route): object[] => {
  if (query === undefined) return []
  const { properties = {} } = json(query, 'input') as { properties?: Record<string, object> }
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }))
}
