import { z } from 'zod'

/**
 * One accountable party. Identity is (issuer, subject), never an e-mail address or a name alone.
 * `uid` is the subject, prefixed `<issuer>/` unless the issuer is the primary one; `groups` are prefixed likewise,
 * so that groups of two issuers never merge. `issuer` is the issuer's configured name, not its URL.
 */
export const partySchema = z.object({
  kind: z.enum(['user', 'agent']),
  issuer: z.string(),
  subject: z.string(),
  uid: z.string(),
  groups: z.array(z.string()),
  /** For an agent: uid of the person who answers for it. */
  owner: z.string().optional(),
  /** An agent that was removed from the directory: nothing is done under its name. */
  retired: z.literal(true).optional(),
  /** The token shows that a person holds it, by its issuer's setting `people`. Who doesn't, approves nothing. */
  person: z.literal(true).optional(),
})
export type Party = z.infer<typeof partySchema>

/** Who acts, and for whom: `chain` lists the parties it acts on behalf of, nearest first (RFC 8693 `act`, read from the inside out). */
export const principalSchema = partySchema.extend({ chain: z.array(partySchema).max(4) })
export type Principal = z.infer<typeof principalSchema>

/** Every uid that must not approve what this principal asked for: itself, its chain, and the owners of agents among them. */
export const interestedUids = (principal: Principal): string[] => {
  const parties: Party[] = [principal, ...principal.chain]
  return [...new Set(parties.flatMap((party) => (party.owner === undefined ? [party.uid] : [party.uid, party.owner])))]
}

/** One trusted issuer. Exactly one is primary: its subjects and groups carry no prefix. */
export const issuerSchema = z.object({
  name: z.string(),
  url: z.string(),
  audience: z.string(),
  groupsClaim: z.string(),
  primary: z.boolean(),
  /** Where services fetch its keys, when they reach the issuer at another address than clients do: then its discovery document isn't asked. */
  keysUrl: z.string().optional(),
  /**
   * How a token shows that a person holds it and no program: the claim has one of these values, or holds one of them in a list. Without
   * this setting a token is a person's unless it is plain that a client got it for itself: its claim `principal_kind`, if it has one, is not
   * `person`, or its subject is its own client (which RFC 9068 section 2.2 recommends, and not every issuer does: set it where programs have tokens).
   */
  people: z.object({ claim: z.string().min(1).max(255), values: z.array(z.string().min(1).max(255)).min(1).max(100) }).strict().optional(),
})
export type Issuer = z.infer<typeof issuerSchema>
