import { unrecognised, type StatementDetail } from '../recognition/index.js'
import type { Recognition } from '@sallyport/protocol-kit'
import type { Conversation } from './conversation.js'
import { statementsOf } from './effective.js'
import type { Expectation } from './expectations.js'
import { Portal, sqlNameKey, Statement } from './names.js'
import type { Meaning } from './recognising.js'
import { Settings } from './settings.js'

/** Keeps books on what a text that was just forwarded changes: transaction, settings, names, COPY. */
export const noteForwarded = (conversation: Conversation, expectation: Expectation, text: string, meaning: Meaning): void => {
  const { recognition } = meaning
  if (!recognition.provenRead) noteEffects(conversation, recognition)
  const statements = statementsOf(recognition)
  for (const statement of statements) noteStatement(conversation, expectation, statement, text, recognition)
  if (Settings.changesParsing(statements)) {
    conversation.stringsDoubt = true
    conversation.encodingDoubt = true
  }
  noteNames(conversation, expectation, statements, meaning)
}

const noteEffects = (conversation: Conversation, recognition: Recognition): void => {
  if (recognition.class === 'connect') return
  conversation.wrote = true
  // A function can change settings too; the target reports that with the next ReadyForQuery.
  conversation.stringsDoubt = true
  if (!recognition.effects.every((effect) => assignsPlainly.has(effect.class))) conversation.encodingDoubt = true
}

/** Among nothing but these, a setting was assigned a value that is harmless; the classes above them could have set it to anything. */
const assignsPlainly: ReadonlySet<string> = new Set(['connect', 'read', 'write'])

const noteStatement = (conversation: Conversation, expectation: Expectation, statement: StatementDetail, text: string, recognition: Recognition): void => {
  if (statement.transaction === 'begin') conversation.began = true
  if (statement.sets !== undefined) {
    conversation.settings.assigned(statement, text, recognition.effects.every((effect) => assignsPlainly.has(effect.class)))
    conversation.noteSettings([statement])
  }
  if (statement.copy === 'in') {
    expectation.copiesIn += 1
    conversation.copyIn = expectation
    conversation.copyInOpen = false
  }
  if (statement.copy === 'out') expectation.copyOut = true
}

const noteNames = (conversation: Conversation, expectation: Expectation, statements: readonly StatementDetail[], meaning: Meaning): void => {
  const { definitions, cursors } = meaning
  const removed = statements.flatMap((statement) => removals(conversation, statement))
  for (const statement of definitions) conversation.statements.define(statement)
  for (const portal of cursors) conversation.portals.define(portal)
  if (definitions.length === 0 && cursors.length === 0 && removed.length === 0) return
  expectation.afterwards = (succeeded) => {
    if (succeeded) {
      for (const statement of definitions) conversation.statements.confirm(statement)
      for (const portal of cursors) conversation.portals.confirm(portal)
      for (const remove of removed) remove()
      return
    }
    // Which of several statements ran isn't known: the names now mean something that can't be told.
    for (const { key } of definitions) conversation.statements.define(unknownStatement(key, conversation))
    for (const { key } of cursors) conversation.portals.define(new Portal(key, unknownStatement('', conversation), true, conversation.batch))
  }
}

const unknownStatement = (key: string, conversation: Conversation): Statement => {
  const statement = new Statement(key, unrecognised('', 'what this name stands for is not certain after an error'), '', [], conversation.batch)
  statement.confirmed = true
  return statement
}

/** What to forget when the statement has succeeded; using a forgotten name is judged as unrecognised, and fails at the target. */
const removals = (conversation: Conversation, { deallocates, deallocatesAll, cursor }: StatementDetail): (() => void)[] => {
  const found: (() => void)[] = []
  const drop = (statement: Statement | undefined): void => {
    if (statement !== undefined) found.push(() => conversation.statements.remove(statement))
  }
  const close = (portal: Portal | undefined): void => {
    if (portal !== undefined) found.push(() => conversation.endPortal(portal))
  }
  if (deallocates !== undefined) drop(conversation.statements.get(sqlNameKey(deallocates)))
  if (deallocatesAll === true) for (const statement of conversation.statements.values()) drop(statement)
  if (cursor?.closes !== undefined) close(conversation.portals.get(sqlNameKey(cursor.closes)))
  if (cursor?.closesAll === true) for (const portal of conversation.portals.values()) close(portal)
  return found
}
