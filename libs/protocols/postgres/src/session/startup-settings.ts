import { Refusal } from '@sallyport/protocol-kit'
import { BodyReader } from '../codec/decode.js'
import { query } from '../codec/encode.js'
import type { Inbox } from '../codec/inbox.js'
import { MalformedFrame } from '../codec/malformed.js'
import { backend } from '../codec/types.js'
import { limits } from '../limits.js'
import { QueryOperation } from '../operations.js'
import { targetError, TargetRefused } from '../upstream/target-error.js'
import type { Conversation } from './conversation.js'
import { judge } from './judgement.js'
import { maskingRefusals } from './log-in-texts.js'

/** What drivers send with every log-in, and what has no meaning for statements. */
const passedOn: ReadonlySet<string> = new Set(['application_name', 'client_encoding', 'datestyle', 'timezone', 'intervalstyle', 'extra_float_digits', 'geqo', 'fallback_application_name'])

export interface StartupSettings {
  /** Goes into the target's start-up message as it is. */
  readonly passed: readonly (readonly [string, string])[]
  /** May change what statements mean or may do: judged as the SET statements that they amount to. */
  readonly judged: readonly (readonly [string, string])[]
}

/** @throws MalformedFrame for `options` that aren't settings. */
export const splitParameters = (parameters: ReadonlyMap<string, string>): StartupSettings => {
  const passed: (readonly [string, string])[] = []
  const judged: (readonly [string, string])[] = []
  for (const [name, value] of parameters) {
    if (name === 'options') {
      for (const setting of readOptions(value)) (passedOn.has(setting[0].toLowerCase()) ? passed : judged).push(setting)
    } else {
      (passedOn.has(name.toLowerCase()) ? passed : judged).push([name, value])
    }
  }
  return { passed, judged }
}

/** Command-line options as libpq sends them: words parted by spaces, backslash quotes. Only `-c name=value` and `--name=value` are settings. */
const readOptions = (options: string): readonly (readonly [string, string])[] => {
  const words = [...options.matchAll(/(?:\\[\s\S]|[^\s\\])+/g)].map(([word]) => word.replace(/\\([\s\S])/g, '$1'))
  const settings: (readonly [string, string])[] = []
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    const text = word === '-c' ? (words[++index] ?? '') : word.startsWith('-c') ? word.slice(2) : word.startsWith('--') ? word.slice(2) : undefined
    const match = text === undefined ? null : /^([A-Za-z_][A-Za-z0-9_.-]*)=([\s\S]*)$/.exec(text)
    if (match === null) throw new MalformedFrame(`invalid command-line argument for server process: ${word}`)
    settings.push([(match[1] ?? '').replaceAll('-', '_'), match[2] ?? ''])
  }
  return settings
}

const quoted = (name: string): string => name.split('.').map((part) => `"${part.replaceAll('"', '""')}"`).join('.')
/** Lists (search_path) are set as one string by the start-up message; `set_config` does the same, but SET is what policies know. */
const literal = (value: string): string => (value.includes('\\') ? ` E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'` : `'${value.replaceAll("'", "''")}'`)
const listSettings: ReadonlySet<string> = new Set(['search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries'])

const statementFor = (name: string, value: string): string => {
  if (!listSettings.has(name.toLowerCase())) return `SET ${quoted(name)} TO ${literal(value)}`
  const items = [...value.matchAll(/"((?:[^"]|"")*)"|([^,\s]+)/g)].map(([, inner, plain]) => (inner === undefined ? (plain ?? '').toLowerCase() : inner.replaceAll('""', '"')))
  return `SET ${quoted(name)} TO ${items.length === 0 ? "''" : items.map(literal).join(', ')}`
}

/**
 * Settings of the start-up message that policies may care about: recognised, judged, recorded and run before the client is let in,
 * so that the start-up is no second door. @throws Refusal, TargetRefused
 */
export const applyStartupSettings = async (conversation: Conversation, inbox: Inbox, settings: StartupSettings['judged']): Promise<void> => {
  for (const [name, value] of settings) {
    const text = statementFor(name, value)
    const recognition = await conversation.host.recognise(text, conversation.settings.forRecognition)
    const judged = await judge(conversation, new QueryOperation(recognition, text, 'none', conversation.operationContext()))
    if (judged instanceof Refusal) throw judged
    conversation.toTarget.write(query(text))
    try {
      judged.status = await maskingRefusals(conversation.host, () => answer(conversation, inbox))
      judged.finish('completed')
    } catch (error) {
      if (error instanceof TargetRefused) judged.failure = { code: error.error.code, message: error.message }
      judged.finish('failed')
      throw error
    }
    for (const detail of statementsOfSetting(recognition.detail)) conversation.settings.assigned(detail, text, recognition.class === 'connect')
  }
}

const statementsOfSetting = (detail: unknown): Parameters<Conversation['settings']['assigned']>[0][] =>
  typeof detail === 'object' && detail !== null && 'statements' in detail ? (detail.statements as Parameters<Conversation['settings']['assigned']>[0][]) : []

/** Reads the target's answer to one SET. */
const answer = async (conversation: Conversation, inbox: Inbox): Promise<string> => {
  let failure: TargetRefused | undefined
  let tag = ''
  for (let count = 0; count < limits.handshakeMessagesMax; count++) {
    const { type, bytes } = await inbox.message(limits.handshakeMessageBytesMax)
    const body = new BodyReader(bytes, 5, bytes.length)
    switch (type) {
      case backend.commandComplete:
        tag = body.cstring().toString('latin1')
        break
      case backend.parameterStatus:
        conversation.settings.report(body.cstring().toString('utf8'), body.cstring().toString('utf8'))
        break
      case backend.error:
        failure = new TargetRefused(targetError(bytes))
        break
      case backend.notice:
        break
      case backend.readyForQuery:
        if (failure !== undefined) throw failure
        return tag
      default:
        throw new Refusal('target-failed', 'the target broke the protocol during log-in')
    }
  }
  throw new Refusal('target-failed', 'the target sent too many messages during log-in')
}
