import { createHash } from 'node:crypto'
import { Refusal, type Recognition } from '@sallyport/protocol-kit'
import type { BodyReader } from '../codec/decode.js'
import { describePortal } from '../codec/encode.js'
import { frontend } from '../codec/types.js'
import type { FrameReader } from '../codec/frames.js'
import { MalformedFrame } from '../codec/malformed.js'
import { BindOperation } from '../operations.js'
import type { Conversation } from './conversation.js'
import { copyProblem } from './copy-out.js'
import { statementsOf } from './effective.js'
import { noteForwarded } from './forwarded.js'
import { judge, type Judged } from './judgement.js'
import { nameKey, Portal, Statement } from './names.js'
import { certain, meaningOf, meaningOfRows, recogniseText, type Meaning } from './recognising.js'
import { missingPortal, missingStatement, refuseMessage } from './refuse-message.js'

type Done = void | Promise<void>

const statementLetter = 'S'.charCodeAt(0)
const portalLetter = 'P'.charCodeAt(0)

/** Larger parameters are kept as their digest: enough to tell them apart. */
const boundKeptBytesMax = 16 * 1024

/** The extended query protocol towards the target: Parse, Bind, Describe, Execute, Close, in any pipelining. */
export class Extended {
  constructor(private readonly conversation: Conversation) {}

  /** Recognised once; refused here when its shape is denied outright, because it takes locks and can be described. What must wait for people waits at Bind. @throws MalformedFrame */
  parse(frame: FrameReader, body: BodyReader): Done {
    const { conversation } = this
    const nameAt = body.at
    const key = nameKey(body.name())
    const name = frame.buffer.subarray(nameAt, body.at - 1)
    const raw = body.cstring()
    const types: number[] = []
    const count = body.uint16()
    for (let index = 0; index < count; index++) types.push(body.uint32())
    body.finish()
    let text = conversation.decode(raw)
    const doubt = conversation.parsingSettled(text)
    const own = doubt === undefined ? recogniseText(conversation, text) : doubt.then(() => {
      // What has been waited for may have changed the encoding, too.
      text = conversation.decode(raw)
      return recogniseText(conversation, text)
    })
    const go = (recognition: Recognition): Done => {
      const refusal = conversation.host.preflight(recognition, text)
      if (refusal instanceof Promise) return refusal.then((late) => this.parsed(frame, new Statement(key, recognition, text, types, conversation.batch), name, late))
      return this.parsed(frame, new Statement(key, recognition, text, types, conversation.batch), name, refusal)
    }
    if (!(own instanceof Promise)) return go(own)
    conversation.toTarget.flush()
    return own.then(go)
  }

  private parsed(frame: FrameReader, statement: Statement, name: Uint8Array, refusal: Refusal | undefined): void {
    const { conversation } = this
    if (conversation.ended || conversation.skipping) return
    const full = conversation.statements.full(statement.weight) ? new Refusal('limit', 'too many prepared statements in this session') : undefined
    const refused = refusal ?? full
    if (refused !== undefined) {
      refuseMessage(conversation, frontend.parse, refused, name)
      return
    }
    conversation.statements.define(statement)
    conversation.toTarget.pass(frame.buffer, frame.start, frame.end)
    conversation.expect('parse').statement = statement
  }

  /** Bind runs functions and plans: the command is judged here, with its parameters, and run by the portal's first Execute. @throws MalformedFrame */
  bind(frame: FrameReader, body: BodyReader): Done {
    const { conversation } = this
    const portalKey = nameKey(body.name())
    const statementKey = nameKey(body.name())
    const at = body.at
    const waits = certain(conversation, () => conversation.statements.get(statementKey))
    if (waits !== undefined) return waits.then(() => (conversation.dropsNow() ? undefined : this.bindTo(frame, portalKey, statementKey, at)))
    return this.bindTo(frame, portalKey, statementKey, at)
  }

  private bindTo(frame: FrameReader, portalKey: string, statementKey: string, at: number): Done {
    const { conversation } = this
    const statement = conversation.statements.get(statementKey)
    if (statement === undefined) {
      missingStatement(conversation, statementKey)
      return undefined
    }
    const portal = new Portal(portalKey, statement, false, conversation.batch)
    portal.bound = frame.buffer.subarray(at, frame.end)
    if (conversation.portals.full(0)) {
      refuseMessage(conversation, frontend.bind, new Refusal('limit', 'too many portals in this session'))
      return undefined
    }
    const meaning = meaningOf(conversation, statement.recognition, statement.text)
    if (meaning instanceof Promise) return meaning.then((late) => this.judgeBind(frame, portal, late))
    return this.judgeBind(frame, portal, meaning)
  }

  private judgeBind(frame: FrameReader, portal: Portal, meaning: Meaning): Done {
    const judged = this.judgePortal(portal, meaning)
    return judged instanceof Promise ? judged.then((late) => this.bound(frame, portal, meaning, late)) : this.bound(frame, portal, meaning, judged)
  }

  private judgePortal(portal: Portal, meaning: Meaning): Judged | Promise<Judged> {
    const { conversation } = this
    const { statement } = portal
    const details = statementsOf(meaning.recognition)
    const input = details.some((detail) => detail.copy === 'in') ? 'stream' : 'none'
    const operation = new BindOperation(meaning.recognition, statement.text, input, { types: statement.parameterTypes, bound: portal.bound, named: meaning.named, standsFor: meaning.standsFor }, conversation.operationContext())
    const judged = judge(conversation, operation)
    if (!details.some((detail) => detail.copy === 'out')) return judged
    return Promise.resolve(judged).then(async (late) =>
      late instanceof Refusal ? late : ((await copyProblem(conversation, statement.text, meaning.recognition, late)) ?? late))
  }

  private bound(frame: FrameReader, portal: Portal, meaning: Meaning, judged: Judged): void {
    const { conversation } = this
    if (conversation.dropped(judged)) return
    if (judged instanceof Refusal) {
      refuseMessage(conversation, frontend.bind, judged)
      return
    }
    if (!meaning.recognition.provenRead && meaning.recognition.class !== 'connect') conversation.wrote = true
    portal.command = judged
    portal.targets = meaning.targets
    // Kept for a second Execute, which is judged again: a copy, because the chunk is given back.
    portal.bound = portal.bound.length > boundKeptBytesMax ? createHash('sha256').update(portal.bound).digest() : Buffer.from(portal.bound)
    conversation.portals.define(portal)
    conversation.toTarget.pass(frame.buffer, frame.start, frame.end)
    const expectation = conversation.expect('bind')
    expectation.portal = portal
    expectation.command = judged
  }

  /** @throws MalformedFrame */
  execute(frame: FrameReader, body: BodyReader): Done {
    const { conversation } = this
    const key = nameKey(body.name())
    body.int32()
    body.finish()
    const waits = certain(conversation, () => conversation.portals.get(key))
    if (waits !== undefined) return waits.then(() => (conversation.dropsNow() ? undefined : this.executePortal(frame, key)))
    return this.executePortal(frame, key)
  }

  private executePortal(frame: FrameReader, key: string): Done {
    const { conversation } = this
    const portal = conversation.portals.get(key)
    if (portal === undefined) {
      missingPortal(conversation, key)
      return undefined
    }
    const { recognition, text } = portal.statement
    // A cursor's text was run when it was declared: here only its rows are read.
    const meaning = portal.cursor ? meaningOfRows(conversation, recognition) : meaningOf(conversation, recognition, text)
    if (meaning instanceof Promise) return meaning.then((late) => this.adopt(frame, portal, late))
    return this.adopt(frame, portal, meaning)
  }

  /** The portal's own command, its continuation, or a new one. */
  private adopt(frame: FrameReader, portal: Portal, meaning: Meaning): Done {
    const { command } = portal
    if (command !== undefined && !command.finished) {
      const same = portal.adopted || (meaning.targets.length === portal.targets.length && meaning.targets.every((target, index) => target === portal.targets[index]))
      if (same) {
        this.executed(frame, portal, meaning, command)
        return undefined
      }
      command.finish('cancelled')
    }
    const judged = this.judgePortal(portal, meaning)
    return judged instanceof Promise ? judged.then((late) => this.executed(frame, portal, meaning, late)) : this.executed(frame, portal, meaning, judged)
  }

  private executed(frame: FrameReader, portal: Portal, meaning: Meaning, judged: Judged): void {
    const { conversation } = this
    if (conversation.dropped(judged)) return
    if (judged instanceof Refusal) {
      refuseMessage(conversation, frontend.execute, judged)
      return
    }
    portal.command = judged
    if (!portal.described && !portal.statement.rowless) this.describeFirst(portal, judged)
    conversation.toTarget.pass(frame.buffer, frame.start, frame.end)
    const expectation = conversation.expect('execute')
    expectation.portal = portal
    expectation.command = judged
    expectation.text = portal.statement.text
    if (!portal.adopted && !portal.cursor) noteForwarded(conversation, expectation, portal.statement.text, meaning)
    portal.adopted = true
  }

  /** Rows whose shape isn't known couldn't be masked: the gateway asks for it itself. */
  private describeFirst(portal: Portal, command: Exclude<Judged, Refusal>): void {
    const { conversation } = this
    portal.described = true
    conversation.toTarget.write(describePortal(Buffer.from(portal.key, 'latin1')))
    const expectation = conversation.expect('describe-portal')
    expectation.swallow = true
    expectation.portal = portal
    expectation.command = command
  }

  /** @throws MalformedFrame */
  describe(frame: FrameReader, body: BodyReader): void {
    const { conversation } = this
    const letter = body.uint8()
    const key = nameKey(body.name())
    body.finish()
    if (letter !== statementLetter && letter !== portalLetter) throw new MalformedFrame(`invalid DESCRIBE message subtype ${letter}`)
    conversation.toTarget.pass(frame.buffer, frame.start, frame.end)
    if (letter === statementLetter) {
      conversation.expect('describe-statement').statement = conversation.statements.get(key)
      return
    }
    const portal = conversation.portals.get(key)
    const expectation = conversation.expect('describe-portal')
    expectation.portal = portal
    if (portal === undefined) return
    portal.described = true
    expectation.command = portal.command
  }

  /** @throws MalformedFrame */
  close(frame: FrameReader, body: BodyReader): void {
    const { conversation } = this
    const letter = body.uint8()
    const key = nameKey(body.name())
    body.finish()
    if (letter !== statementLetter && letter !== portalLetter) throw new MalformedFrame(`invalid CLOSE message subtype ${letter}`)
    conversation.toTarget.pass(frame.buffer, frame.start, frame.end)
    const expectation = conversation.expect('close')
    if (letter === statementLetter) expectation.statement = conversation.statements.get(key)
    else expectation.portal = conversation.portals.get(key)
  }
}
