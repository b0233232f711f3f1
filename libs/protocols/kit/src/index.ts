export { strictness } from './operation.js'
export type { ActionClass, Effect, Fact, Facts, InputKind, Operation, Recognition, Relation, Touches } from './operation.js'
export { Refusal, refusalText } from './refusal.js'
export type { RefusalCode } from './refusal.js'
export type { MaskPlan, Origin, Output, OutputPlan, ValueMask } from './mask-plan.js'
export { passThrough } from './stream-mask.js'
export type { StreamMask, StreamOptions } from './stream-mask.js'
export type {
  Admission, CatalogHost, CatalogSession, Claim, CredentialKind, HoldNotice, MaskQuery, Outcome, ProtocolSession, RecordedKind, SecuredAside, SessionHost, Side, TargetAccess, Ticket, TlsFacts, Verdict,
} from './session.js'
export type { ClientEndpoint, ClientProgram, FactType, OptionFault, ProtocolDescriptor } from './descriptor.js'
export { containsPlaceholder, PLACEHOLDER_PATTERN, placeholderBytesMax } from './placeholder.js'
