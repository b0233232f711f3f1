import type { Principal } from '@sallyport/contracts/identity'
import { IdentityError, rolesOf, type Verifier } from '@sallyport/identity'
import type { DirectoryView } from '../directory/view.js'
import { Problem } from './problem.js'
import type { Access, Caller } from './route.js'

const SCHEME = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i

/** The caller of a request, from `Authorization: Bearer` (RFC 6750). Throws Problem `unauthenticated` or `unavailable`. */
export const callerOf = async (authorization: string | undefined, verifier: Verifier, view: () => DirectoryView): Promise<Caller> => {
  const token = SCHEME.exec(authorization ?? '')?.[1]
  if (token === undefined) throw new Problem('unauthenticated', 'Send an access token of a trusted issuer: Authorization: Bearer …', undefined, { 'www-authenticate': 'Bearer realm="sallyport"' })
  try {
    const { party, expiresAt } = await verifier.verify(token)
    const directory = view()
    const principal = directory.principal(party)
    refuseRetired(principal)
    return { principal, roles: rolesOf(principal, directory.roleBindings), expiresAt }
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause
    if (cause.code === 'unavailable') throw new Problem('unavailable', 'The token can\'t be verified now. Try again in a moment.', undefined, { 'retry-after': '2' })
    throw new Problem('unauthenticated', `The access token was not accepted: ${cause.message}.`, undefined, { 'www-authenticate': `Bearer realm="sallyport", error="invalid_token", error_description="${cause.code}"` })
  }
}

/** Whether a caller may use a route at all. */
export const mayCall = (access: Access, caller: Caller): boolean => {
  if (access === 'public' || access === 'anyone') return true
  if (access === 'person') return isPerson(caller)
  return access.some((role) => caller.roles.has(role))
}

const actsForItself = ({ principal }: Caller): boolean => principal.kind === 'user' && principal.chain.length === 0

/** Whose token shows that a person holds it, as the issuer's setting `people` says, and who acts for nobody else. */
export const isPerson = (caller: Caller): boolean => actsForItself(caller) && caller.principal.person === true

/** A removed agent's tokens go on being tokens: they open nothing, neither alone nor in another's chain. */
const refuseRetired = (principal: Principal): void => {
  const retired = [principal, ...principal.chain].find((party) => party.retired === true)
  if (retired === undefined) return
  throw new Problem('forbidden', `The agent ${retired.uid} was removed from Sallyport: nothing is done under its name. An administrator can register it again, or forget it if it should not have been registered.`)
}

export const refuseUnless = (access: Access, caller: Caller): void => {
  if (mayCall(access, caller)) return
  throw new Problem('forbidden', access === 'person' ? notForThem(caller) : `This needs the role ${(access as readonly string[]).join(' or ')}.`)
}

const notForThem = (caller: Caller): string => (actsForItself(caller)
  ? `This is for people, and this token doesn't show that a person holds it: the setting \`people\` of the issuer ${caller.principal.issuer} says what such a token has.`
  : 'This is for people who act for themselves.')
