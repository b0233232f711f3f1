import {
  approve, approvalNoticeSubject, claim, deny, executed, getApproval, listApprovals, release, requestApproval, withdraw,
} from '../approval/index.js'
import { confirmStored, getSession, listCommands, listEvents, listSessions, rebuildProjections, replay, storedSubject, storeStatus, watermarks } from '../audit/index.js'
import { DIRECTORY_HEARTBEAT, listIssuers, lookUpConnection, lookUpParties, rememberOfTarget, verifyCredential } from '../directory/index.js'
import { controlSubject, EVENT_STREAM, type ControlService } from '../events/index.js'
import {
  activateRules, discardRules, listRules, plan, preview, putRule, removeRule, stageRules,
} from '../masking/index.js'
import {
  activatePolicies, decide, discardPolicies, explain, listPolicies, MASKING_HEARTBEAT, POLICY_HEARTBEAT, putPolicy, removePolicy, stagePolicies, validatePolicies,
} from '../policy/index.js'
import { at, type Rpc } from '../rpc/index.js'
import { cancelByKey, cancelTag, exactText, killSession, liveSessions, proxyHeartbeatSubject, republish } from '../session/index.js'

/**
 * What one NATS user may do, and nothing else: the subjects it publishes to and subscribes to. `answers`: it may also reply, once, to
 * what it was asked. Replies to its own requests come to its own inbox (`_INBOX_<user>`), which is in `subscribe`.
 */
export interface BusPermissions {
  readonly user: string
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
  readonly answers: boolean
}

/** How every inbox begins. */
export const INBOXES = '_INBOX_'
/** Prefix of the inboxes of one NATS user. */
export const inboxOf = (user: string): string => `${INBOXES}${user}`

const subjects = (...contracts: readonly Rpc[]): string[] => contracts.map((contract) => contract.subject)
/** Addressed to one instance, whichever. */
const anyInstance = (...contracts: readonly Rpc[]): string[] => subjects(...contracts.map((contract) => at(contract, '*')))

const permissions = (user: string, publish: readonly string[], subscribe: readonly string[]): BusPermissions =>
  ({ user, publish, subscribe: [`${inboxOf(user)}.>`, ...subscribe], answers: true })

const AUDIT_CONSUMER = 'audit-store'
const streamApi = (verb: string): string => `$JS.API.${verb}.${EVENT_STREAM}`

/**
 * What the store needs of JetStream: make the stream once, and read it. Nobody may update, purge or delete it: a
 * message leaves when the store acknowledges it. Acknowledgements are not
 * named: each is the one answer to a message. A server without nats-server#6064 keeps track of the permitted answers of a client that may answer at
 * all, and looks through all that didn't come at every message, so naming them here would cost four times the work of the message itself.
 */
const streamOwner = [
  streamApi('STREAM.CREATE'),
  streamApi('STREAM.INFO'),
  ...['CREATE', 'DURABLE.CREATE', 'INFO', 'DELETE', 'MSG.NEXT'].map((verb) => `${streamApi(`CONSUMER.${verb}`)}.${AUDIT_CONSUMER}`),
]

const callsOfApi = [
  ...subjects(explain, listPolicies, putPolicy, removePolicy, validatePolicies, stagePolicies, activatePolicies, discardPolicies),
  ...subjects(preview, listRules, putRule, removeRule, stageRules, activateRules, discardRules),
  ...subjects(getApproval, listApprovals, approve, deny),
  ...subjects(listSessions, getSession, listCommands, listEvents, replay, storeStatus, rebuildProjections),
  ...anyInstance(killSession, exactText, liveSessions),
]

const callsOfProxy = subjects(
  decide, plan,
  lookUpConnection, listIssuers, lookUpParties, verifyCredential, rememberOfTarget, watermarks,
)

/** What it takes to publish events, and to hear that the store has them. */
const outboxOf = (service: ControlService): string[] => [controlSubject(service), ...subjects(confirmStored)]

/** The services of which there is one user each; their replicas share it. */
export const servicePermissions: readonly BusPermissions[] = [
  permissions('policy-decision', [...outboxOf('policy-decision'), POLICY_HEARTBEAT], ['sallyport.rpc.policy.*', POLICY_HEARTBEAT]),
  permissions('masking', [...outboxOf('masking'), MASKING_HEARTBEAT], ['sallyport.rpc.masking.*', MASKING_HEARTBEAT]),
  permissions('approval', [...outboxOf('approval'), approvalNoticeSubject('*')], ['sallyport.rpc.approval.*', 'sallyport.rpc.approval.*.*']),
  permissions('audit-store', [storedSubject('*'), ...anyInstance(republish), ...streamOwner], ['sallyport.rpc.audit.*', proxyHeartbeatSubject('*')]),
  permissions('api', [...outboxOf('api'), DIRECTORY_HEARTBEAT, ...callsOfApi], ['sallyport.rpc.directory.*', DIRECTORY_HEARTBEAT]),
]

/** What it asks of approval under its own name: nobody else's approvals can be withdrawn, released or claimed in its stead. */
const underOwnName = (proxy: string): string[] => subjects(...[requestApproval, getApproval, withdraw, release, claim, executed].map((contract) => at(contract, proxy)))

/**
 * One proxy: a user of its own, so that it publishes events and asks for approvals under its own name only, and hears only of the cancel
 * keys that it gave out. It may hand on any key that a client showed it: the keys themselves are secrets.
 */
export const proxyPermissions = (proxy: string): BusPermissions =>
  permissions(proxy, [`sallyport.evt.session.${proxy}.*`, proxyHeartbeatSubject(proxy), ...callsOfProxy, ...underOwnName(proxy), ...anyInstance(cancelByKey)], [
    ...subjects(at(killSession, proxy), at(exactText, proxy), at(liveSessions, proxy), at(republish, proxy)),
    at(cancelByKey, String(cancelTag(proxy))).subject,
    approvalNoticeSubject(proxy),
    storedSubject(proxy),
    POLICY_HEARTBEAT,
    MASKING_HEARTBEAT,
  ])
