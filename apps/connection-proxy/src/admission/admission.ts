import { listIssuers, lookUpConnection, lookUpParties, rememberOfTarget, verifyCredential, type Connection } from '@sallyport/contracts/directory'
import type { Issuer, Party, Principal } from '@sallyport/contracts/identity'
import { RpcError } from '@sallyport/contracts/rpc'
import { createVerifier, credentialDigest, IdentityError, publicKeyDigest } from '@sallyport/identity'
import type { Bus } from '@sallyport/messaging'
import { Refusal, type Claim, type ProtocolDescriptor } from '@sallyport/protocol-kit'
import type { Decisions, JudgedSubject } from '../judging/decisions.js'
import type { StreamDurability } from './stream-durability.js'

/** A claim that was verified: who it is, and what for. */
export interface Admitted {
  readonly subject: JudgedSubject
  readonly connection: Connection
  readonly decision: { readonly policies: readonly string[]; readonly revision: number }
}

const ISSUERS_AGE_MAX_MS = 5_000
/** Every session's first action, the same for all protocols. */
export const OPEN_ACTION = 'connect'

/** Turns a client's claim into a principal with an allowed connection. Every way out but success is a Refusal. */
export class AdmissionDesk {
  private issuers: { readonly list: readonly Issuer[]; readonly at: number } | undefined
  private readonly verifier = createVerifier({ issuers: async () => [...(await this.currentIssuers())] })

  constructor(
    private readonly bus: Bus,
    private readonly decisions: Decisions,
    private readonly streamDurability: Pick<StreamDurability, 'check'>,
  ) {}

  /** Rejects with a Refusal whose `principalKnown` (see {@link RefusedAdmission}) says whom it was refused to. */
  async admit(claim: Claim, descriptor: ProtocolDescriptor, sourceAddress: string): Promise<Admitted> {
    const principal = await this.identify(claim)
    try {
      refuseRetired(principal)
      const connection = await this.connectionFor(claim.connection, descriptor)
      const subject: JudgedSubject = {
        principal,
        connection: { name: connection.name, protocol: connection.spec.protocol, labels: connection.labels, revision: connection.revision },
        sourceAddress,
      }
      const reply = await this.decisions.decide(subject, [{ action: OPEN_ACTION, class: 'connect', facts: {} }])
      if (reply.outcome !== 'allow') {
        const remedy = reply.remedy ?? 'Ask an administrator for a policy that permits it.'
        throw new Refusal('denied', reply.outcome === 'hold' ? 'opening a session can\'t wait for an approval' : reply.reason, { policies: reply.policies, remedy })
      }
      if (connection.spec.durability === 'stream') await this.streamDurability.check()
      return { subject, connection, decision: { policies: reply.policies, revision: reply.revision } }
    } catch (cause) {
      throw cause instanceof Refusal ? new RefusedAdmission(cause, principal) : cause
    }
  }

  /** Learns something of a connection's target once and for all; see the kit's `remember`. Rejects with a Refusal. */
  async remember(connection: string, name: string, value: string): Promise<string> {
    try {
      return (await this.bus.call(rememberOfTarget, { connection, name, value })).value
    } catch (cause) {
      throw new Refusal('unavailable', 'what is known of the target can\'t be asked now', { remedy: 'Try again in a moment.' }, { cause })
    }
  }

  private async identify(claim: Claim): Promise<Principal> {
    if (claim.method === 'publickey') return this.byCredential(claim, publicKeyDigest(claim.connection, claim.secret))
    if (claim.secret.startsWith('spc_')) return this.byCredential(claim, credentialDigest(claim.secret))
    try {
      const { party } = await this.verifier.verify(claim.secret)
      return await this.withKinds(party)
    } catch (cause) {
      throw identityRefusal(cause)
    }
  }

  private async byCredential({ connection }: Claim, sha256: string): Promise<Principal> {
    try {
      return (await this.bus.call(verifyCredential, { sha256, connection })).principal
    } catch (cause) {
      throw identityRefusal(cause)
    }
  }

  private async withKinds(principal: Principal): Promise<Principal> {
    const { chain, ...self } = principal
    const { parties } = await this.bus.call(lookUpParties, { parties: [self, ...chain] })
    const [first, ...rest] = parties as [Party, ...Party[]]
    return { ...first, chain: rest }
  }

  private async connectionFor(name: string, descriptor: ProtocolDescriptor): Promise<Connection> {
    const unknown = (cause?: unknown): Refusal => new Refusal('unknown-connection', `there is no ${descriptor.title} connection of this name`, { remedy: 'The user name is the name of a Sallyport connection; `sallyport connections` lists yours.' }, { cause })
    try {
      const connection = await this.bus.call(lookUpConnection, { name })
      if (connection.spec.protocol !== descriptor.name) throw unknown()
      return connection
    } catch (cause) {
      if (cause instanceof Refusal) throw cause
      if (cause instanceof RpcError && (cause.code === 'not-found' || cause.code === 'invalid')) throw unknown(cause)
      throw unavailable(cause)
    }
  }

  private async currentIssuers(): Promise<readonly Issuer[]> {
    if (this.issuers !== undefined && performance.now() - this.issuers.at < ISSUERS_AGE_MAX_MS) return this.issuers.list
    const { issuers } = await this.bus.call(listIssuers, {})
    this.issuers = { list: issuers, at: performance.now() }
    return issuers
  }
}

/** A refusal after the principal was known: the record names both. */
export class RefusedAdmission extends Error {
  override readonly name = 'RefusedAdmission'
  constructor(
    readonly refusal: Refusal,
    readonly principal: Principal,
  ) {
    super(refusal.message, { cause: refusal })
  }
}

/** The policies say so too; here it holds also while they are not yet those of today's directory. */
const refuseRetired = (principal: Principal): void => {
  const retired = [principal, ...principal.chain].find((party) => party.retired === true)
  if (retired === undefined) return
  throw new Refusal('denied', `the agent ${retired.uid} was removed from Sallyport: nothing is done under its name`, { remedy: 'Ask an administrator to register the agent again, or to forget it if it should not have been registered.' })
}

const unavailable = (cause: unknown): Refusal => new Refusal('unavailable', 'log-ins can\'t be decided now', { remedy: 'Try again in a moment.' }, { cause })

const identityRefusal = (cause: unknown): Refusal => {
  const remedy = 'The password is an access token of your identity provider, or a credential from `sallyport credential`; get a fresh one.'
  if (cause instanceof IdentityError && cause.code !== 'unavailable') {
    return new Refusal('bad-credentials', cause.code === 'expired' ? 'the token has expired' : 'the token was not accepted', { remedy }, { cause })
  }
  if (cause instanceof RpcError && (cause.code === 'forbidden' || cause.code === 'not-found' || cause.code === 'invalid')) {
    return new Refusal('bad-credentials', 'the credential is unknown, expired, or for another connection', { remedy }, { cause })
  }
  return unavailable(cause)
}
