// Writes docs/reference/asyncapi.json: every event of the stream, made from the contracts that services are held to.
// Needs what tools/build.mjs makes. A test says when the file is not what the contracts say.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { publishedEvents } from '@sallyport/contracts/catalogue'
import { controlSubject, EVENT_STREAM, eventSchema, sessionSubject } from '@sallyport/contracts/events'
import { z } from 'zod'

const FILE = path.join(path.dirname(import.meta.dirname), 'docs/reference/asyncapi.json')

const WHO = {
  session: 'what proxies record of sessions and commands, before its effect',
  approval: 'the life of each approval',
  'policy-decision': 'changes of policies',
  masking: 'changes of masking rules',
  api: 'changes of connections, agents, issuers and role bindings, session credentials, and what was learned of targets',
}

/** JSON Schema (draft 07, AsyncAPI's own) of what is published: what a reader may rely on, and nothing besides. */
const jsonSchema = (schema) => {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, { io: 'output', reused: 'inline', target: 'draft-07' })
  return rest
}

const nameOf = (type) => type.replaceAll('.', '-')
const ref = (kind, name) => ({ $ref: `#/components/${kind}/${name}` })

const channelOf = (publisher, types) => ({
  address: publisher === 'session' ? sessionSubject('{proxy}', '{partition}') : controlSubject(publisher),
  title: publisher,
  description: `${publisher === 'session' ? 'By the proxies' : `By ${publisher}`}: ${WHO[publisher]}. In the JetStream stream ${EVENT_STREAM} until stored. A message is a CloudEvents batch: one event a line between "[" and "]".`,
  ...(publisher === 'session' ? { parameters: { proxy: { description: 'The proxy\'s name: it may publish under no other.' }, partition: { description: 'A number; all of one session is in one partition, in order.' } } } : {}),
  messages: Object.fromEntries(types.map((type) => [nameOf(type), ref('messages', nameOf(type))])),
})

const messageOf = (type) => ({
  name: type,
  contentType: 'application/cloudevents-batch+json',
  payload: { type: 'array', minItems: 1, items: { allOf: [ref('schemas', 'event'), { type: 'object', properties: { type: { const: type }, data: ref('schemas', nameOf(type)) } }] } },
})

/** The document (AsyncAPI 3.0.0). A batch may mix the types of its channel. */
export const asyncApi = () => {
  const publishers = Object.entries(publishedEvents)
  const events = publishers.flatMap(([, schemas]) => Object.entries(schemas))
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Sallyport\'s events', version: '1',
      description: 'CloudEvents 1.0 as structured JSON. Texts in them are masked. "sequence" counts without gaps: within a session, or the versions of a control aggregate. The audit-store adds events of its own to its log (sessions that were lost with their proxy, numbers that never came), which are not published.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/cloudevents-batch+json',
    channels: Object.fromEntries(publishers.map(([publisher, schemas]) => [publisher, channelOf(publisher, Object.keys(schemas))])),
    operations: Object.fromEntries(publishers.map(([publisher]) => [`publish-${publisher}`, { action: 'send', channel: { $ref: `#/channels/${publisher}` } }])),
    components: {
      messages: Object.fromEntries(events.map(([type]) => [nameOf(type), messageOf(type)])),
      schemas: { event: jsonSchema(eventSchema), ...Object.fromEntries(events.map(([type, schema]) => [nameOf(type), jsonSchema(schema)])) },
    },
  }
}

export const asyncApiText = () => `${JSON.stringify(asyncApi(), undefined, 1)}\n`

if (process.argv[1] === import.meta.filename) {
  mkdirSync(path.dirname(FILE), { recursive: true })
  writeFileSync(FILE, asyncApiText())
}
