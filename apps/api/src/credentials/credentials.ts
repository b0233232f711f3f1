import type { Principal } from '@sallyport/contracts/identity'
import { newId } from '@sallyport/contracts/ids'
import { RpcError } from '@sallyport/contracts/rpc'
import { credentialDigest, newSessionCredential, publicKeyDigest } from '@sallyport/identity'
import { appendEvents, type Database } from '@sallyport/persistence'
import type { Transaction } from 'kysely'
import type { Directory } from '../directory/directory.js'
import type { Tables } from '../tables.js'
import { decideIssue, decideRevoke, stillNamed } from './decide.js'

export interface IssueRequest {
  readonly principal: Principal
  readonly connection: string
  readonly ttlSeconds?: number | undefined
  /** A public key in base64: who holds its private half is let in, instead of who knows a secret. */
  readonly publicKey?: string | undefined
  readonly tokenExpiresAt: Date
}

export interface IssuedCredential {
  readonly id: string
  /** Its text: shown once, kept nowhere. None for a public key. */
  readonly credential?: string
  readonly connection: string
  readonly expiresAt: string
}

/** Session credentials: made of a token, for one connection, kept as digests. */
export interface Credentials {
  /** Throws RpcError `not-found` for an unknown connection, `forbidden` when nothing is left of the token, `conflict` for a public key that stands for somebody else. */
  issue(request: IssueRequest): Promise<IssuedCredential>
  /** `uid`: only when it stands for that one. Throws RpcError `not-found`. Revoking twice changes nothing. */
  revoke(id: string, uid: string | undefined, actor: string): Promise<void>
  /** Who it stands for, as the directory knows them now. Throws RpcError `forbidden` when unknown, expired, revoked, or for another connection. */
  verify(sha256: string, connection: string): Promise<{ id: string; principal: Principal; expiresAt: string }>
}

export const makeCredentials = (database: Database<Tables>, directory: Directory): Credentials => ({
  issue: async (request) => {
    const { principal, connection } = request
    if (!directory.view().connections.has(connection)) throw new RpcError('not-found', 'there is no connection of this name')
    const secret = request.publicKey === undefined ? newSessionCredential() : undefined
    const sha256 = secret === undefined ? publicKeyDigest(connection, request.publicKey!) : credentialDigest(secret)
    const id = newId('cred')
    const issued = decideIssue({ ...request, ttlSeconds: request.ttlSeconds, id, now: new Date() })
    const { expiresAt } = issued.data
    await database.kysely.transaction().execute(async (transaction) => {
      await transaction.deleteFrom('session_credentials').where('expires_at', '<', new Date()).execute()
      await makeRoom(transaction, sha256, principal.uid)
      await transaction.insertInto('session_credentials').values({ sha256, id, connection, principal: JSON.stringify(principal), expires_at: new Date(expiresAt), revoked_at: null }).execute()
      await appendEvents(transaction, { aggregate: 'credential', id, expectedVersion: 0, actor: principal.uid, events: [issued] })
    })
    return { id, ...(secret === undefined ? {} : { credential: secret }), connection, expiresAt }
  },
  revoke: (id, uid, actor) => database.kysely.transaction().execute(async (transaction) => {
    const row = await transaction.selectFrom('session_credentials').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
    if (row === undefined || (uid !== undefined && row.principal.uid !== uid)) throw new RpcError('not-found', 'there is no such credential')
    const now = new Date()
    const events = decideRevoke({ expiresAt: row.expires_at.toISOString(), revoked: row.revoked_at !== null }, { id, now })
    if (events.length === 0) return
    await transaction.updateTable('session_credentials').set({ revoked_at: now }).where('id', '=', id).execute()
    await appendEvents(transaction, { aggregate: 'credential', id, expectedVersion: 1, actor, events })
  }),
  verify: async (sha256, connection) => {
    const view = directory.view()
    const row = await find(database, sha256)
    const good = row !== undefined && row.connection === connection && row.revoked_at === null && row.expires_at.getTime() > Date.now()
    // A credential is worth no more than its issuer is today.
    if (!good || !stillNamed(row.principal, view.issuers)) {
      throw new RpcError('forbidden', 'the credential is unknown, expired, revoked, or for another connection')
    }
    return { id: row.id, principal: view.principal(row.principal), expiresAt: row.expires_at.toISOString() }
  },
})

/** A public key that is registered again by the same principal takes the place of what was; a secret's digest is never there already. */
const makeRoom = async (transaction: Transaction<Tables>, sha256: string, uid: string): Promise<void> => {
  const there = await transaction.selectFrom('session_credentials').select(['principal', 'revoked_at']).where('sha256', '=', sha256).forUpdate().executeTakeFirst()
  if (there === undefined) return
  if (there.revoked_at === null && there.principal.uid !== uid) throw new RpcError('conflict', 'this key stands for somebody else on this connection: use another one')
  await transaction.deleteFrom('session_credentials').where('sha256', '=', sha256).execute()
}

const find = async (database: Database<Tables>, sha256: string) => {
  try {
    return await database.kysely.selectFrom('session_credentials').selectAll().where('sha256', '=', sha256).executeTakeFirst()
  } catch (cause) {
    throw new RpcError('unavailable', 'credentials can\'t be verified now', undefined, { cause })
  }
}
