import type { Operation, Recognition } from '@sallyport/protocol-kit'
import { unrecognised, type StatementDetail } from '../recognition/index.js'
import type { Conversation } from './conversation.js'
import { bothOf, statementsOf, withTargets } from './effective.js'
import { Portal, sqlNameKey, Statement } from './names.js'

/** What a text means now, together with the names it defines. */
export interface Meaning {
  readonly recognition: Recognition
  /** What its EXECUTE and FETCH refer to, to see later that this hasn't changed. */
  readonly targets: readonly Recognition[]
  /** Exactly what those names stand for: texts, parameter types, bound values. A name alone says nothing of what runs. */
  readonly named: readonly (Uint8Array | string)[]
  /** The texts among them, to be recorded and shown: Parse alone is not recorded. */
  readonly standsFor: NonNullable<Operation['standsFor']>
  readonly definitions: readonly Statement[]
  readonly cursors: readonly Portal[]
}

/** What a text means by itself, under settings as far as they are certain. */
export const recogniseText = (conversation: Conversation, text: string): Recognition | Promise<Recognition> => {
  const { host, settings } = conversation
  // Every encoding that PostgreSQL lets a client have reads ASCII alike.
  if (settings.codec === undefined && !/^[\0-\x7f]*$/.test(text)) return unrecognised(text, 'the gateway cannot read this client_encoding')
  if (settings.codec?.doubtful?.test(text) === true) return unrecognised(text, 'it has characters that servers read differently in this client_encoding')
  if (conversation.encodingDoubt && !/^[\0-\x7f]*$/.test(text)) return unrecognised(text, 'client_encoding may just have changed')
  if (!conversation.stringsDoubt || !text.includes('\\')) return host.recognise(text, settings.forRecognition)
  const readings = ['on', 'off'].map((value) => host.recognise(text, { ...settings.forRecognition, standard_conforming_strings: value }))
  return Promise.all(readings).then(([on, off]) => (on === undefined || off === undefined ? unrecognised(text, 'its string literals may be read in two ways') : bothOf(on, off)))
}

const isIndirect = (statement: StatementDetail): boolean =>
  statement.executes !== undefined || statement.prepares !== undefined || statement.cursor?.fetches !== undefined || statement.cursor?.declares !== undefined

const nothing: readonly never[] = []

/** Resolves what the text only names. Answers at once for texts that name nothing. */
export const meaningOf = (conversation: Conversation, own: Recognition, ownText: string): Meaning | Promise<Meaning> => {
  const statements = statementsOf(own)
  let copies = false
  for (const statement of statements) {
    if (isIndirect(statement)) return resolve(conversation, own, ownText, statements).then((meaning) => marked(conversation, own, meaning))
    copies ||= statement.copies !== undefined
  }
  const meaning = meaningOfRows(conversation, own)
  if (!copies) return meaning
  return meaning instanceof Promise ? meaning.then((late) => marked(conversation, own, late)) : marked(conversation, own, meaning)
}

/** Masked data that would be stored is an effect of its own. */
const marked = (conversation: Conversation, own: Recognition, meaning: Meaning): Meaning | Promise<Meaning> => {
  const recognition = conversation.copiesOfMasked.mark(own, meaning.recognition, meaning.targets)
  if (recognition === meaning.recognition) return meaning
  if (!(recognition instanceof Promise)) return { ...meaning, recognition }
  conversation.toTarget.flush()
  return recognition.then((late) => ({ ...meaning, recognition: late }))
}

const alone = (recognition: Recognition): Meaning => ({ recognition, targets: nothing, named: nothing, standsFor: nothing, definitions: nothing, cursors: nothing })

/** Reading rows of what was recognised and run before. */
export const meaningOfRows = (conversation: Conversation, own: Recognition): Meaning | Promise<Meaning> => {
  const resolved = conversation.resolution.resolve(own)
  if (!(resolved instanceof Promise)) return alone(resolved)
  conversation.toTarget.flush()
  return resolved.then(alone)
}

const resolve = async (conversation: Conversation, own: Recognition, ownText: string, statements: readonly StatementDetail[]): Promise<Meaning> => {
  const definitions = new Map<string, Statement>()
  const cursors = new Map<string, Portal>()
  const targets: Recognition[] = []
  const named: (Uint8Array | string)[] = []
  const standsFor: Statement[] = []
  for (const { executes, prepares, cursor } of statements) {
    if (prepares !== undefined) {
      const key = sqlNameKey(prepares.name)
      const text = prepares.text ?? ''
      const recognition = prepares.text === undefined ? unrecognised(text, 'the text of the prepared statement is not known') : await recogniseText(conversation, text)
      definitions.set(key, new Statement(key, recognition, text, [], conversation.batch))
    }
    if (executes !== undefined) {
      const key = sqlNameKey(executes)
      if (!definitions.has(key)) await certain(conversation, () => conversation.statements.get(key))
      const statement = definitions.get(key) ?? conversation.statements.get(key)
      // What the text itself prepares is in it.
      if (statement !== undefined && !definitions.has(key)) standsFor.push(statement)
      named.push('executes', statement?.text ?? '', statement?.parameterTypes.join(',') ?? '')
      targets.push(statement?.recognition ?? unrecognised('', `nothing is known of the prepared statement "${executes}"`))
    }
    if (cursor?.declares !== undefined) {
      const key = sqlNameKey(cursor.declares)
      cursors.set(key, new Portal(key, new Statement('', own, ownText, [], conversation.batch), true, conversation.batch))
    }
    if (cursor?.fetches !== undefined) {
      const key = sqlNameKey(cursor.fetches)
      if (!cursors.has(key)) await certain(conversation, () => conversation.portals.get(key))
      const portal = cursors.get(key) ?? conversation.portals.get(key)
      named.push('fetches', portal?.statement.text ?? '', portal?.statement.parameterTypes.join(',') ?? '', portal?.bound ?? '')
      targets.push(portal?.statement.recognition ?? unknownCursor(cursor.fetches))
    }
  }
  const effective = targets.filter((target) => target !== own)
  return { recognition: await conversation.resolution.resolve(withTargets(own, effective)), targets: effective, named, standsFor: standsFor.map(({ text, recognition }) => ({ text, literals: recognition.literals })), definitions: [...definitions.values()], cursors: [...cursors.values()] }
}

/** A cursor that a function opened: its rows can be anything, but what it runs was judged when the function was called. */
const unknownCursor = (name: string): Recognition => ({
  effects: [{ action: 'sql.fetch', class: 'read', facts: {} }],
  action: 'sql.fetch',
  class: 'read',
  fingerprint: `pg:cursor:${name}`,
  provenRead: false,
  alwaysAllowed: false,
  touches: { relations: [], columns: [], everything: true, opaque: true },
  literals: [],
  detail: { statements: [] },
})

/**
 * Waits until it is known whether a name's newest definition took effect, where that could fail without what is judged now being skipped too:
 * when a Sync lies between them.
 */
export const certain = (conversation: Conversation, find: () => { readonly batch: number; readonly confirmed: boolean } | undefined): Promise<void> | undefined => {
  const item = find()
  if (item === undefined || item.confirmed || item.batch === conversation.batch) return undefined
  return conversation.whenFormerAnswered()
}
