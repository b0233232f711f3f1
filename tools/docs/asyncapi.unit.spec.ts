import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from '@jest/globals'
import { publishedEvents, publisherOf } from '@sallyport/contracts/catalogue'
import { controlSubject, sessionSubject } from '@sallyport/contracts/events'

const root = path.join(import.meta.dirname, '../..')
interface Document {
  readonly channels: Readonly<Record<string, { readonly address: string; readonly messages: Readonly<Record<string, { readonly $ref: string }>> }>>
  readonly components: { readonly messages: Readonly<Record<string, { readonly name: string }>>; readonly schemas: Readonly<Record<string, { readonly properties: object }>> }
}
const { asyncApiText } = await import(path.join(root, 'tools/asyncapi.mjs')) as { asyncApiText(): string }
const written = readFileSync(path.join(root, 'docs/reference/asyncapi.json'), 'utf8')
const document = JSON.parse(written) as Document

test('the description of the events is what the contracts say: after a change, node tools/build.mjs && node tools/asyncapi.mjs', () => {
  expect(written).toBe(asyncApiText())
})

test('it has every type of every publisher, and nothing refers to what is not there', () => {
  for (const [publisher, schemas] of Object.entries(publishedEvents)) {
    const named = Object.values(document.channels[publisher]!.messages).map(({ $ref }) => document.components.messages[$ref.slice('#/components/messages/'.length)]!.name)
    expect(named).toEqual(Object.keys(schemas))
  }
  const resolve = (ref: string): unknown => ref.slice(2).split('/').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], document)
  const refs = [...written.matchAll(/"\$ref": "(#[^"]+)"/g)].map(([, ref]) => ref!)
  expect(refs.length).toBeGreaterThan(60)
  expect(refs.filter((ref) => resolve(ref) === undefined)).toEqual([])
})

test('who publishes is told by the subject; on others nobody does', () => {
  expect(publisherOf(sessionSubject('proxy-1', 1003))).toBe('session')
  expect(publisherOf(controlSubject('api'))).toBe('api')
  for (const subject of ['sallyport.evt.control.audit-store', 'sallyport.evt.control.session', 'sallyport.evt.control.constructor', 'sallyport.evt.session.p', 'sallyport.rpc.api', 'sallyport.evt.control.api.x']) {
    expect([subject, publisherOf(subject)]).toEqual([subject, undefined])
  }
})
