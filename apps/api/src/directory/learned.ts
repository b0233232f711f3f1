import { learnedEventType } from '@sallyport/contracts/directory'
import { RpcError } from '@sallyport/contracts/rpc'
import { appendEvents, type Database } from '@sallyport/persistence'
import type { Tables } from '../tables.js'
import type { Directory } from './directory.js'

/** What was learned of connections' targets, once and for all. */
export interface Learned {
  /**
   * Answers what is remembered of the connection's present target under the name: `value`, when nothing was. It belongs to host and port:
   * a connection that is pointed elsewhere has nothing remembered there. Throws RpcError `not-found` for an unknown connection.
   */
  remember(request: { readonly connection: string; readonly name: string; readonly value: string }): Promise<string>
}

export const makeLearned = (database: Database<Tables>, directory: Directory): Learned => ({
  remember: ({ connection, name, value }) => {
    const known = directory.view().connections.get(connection)
    if (known === undefined) throw new RpcError('not-found', 'there is no connection of this name')
    const { host, port } = known.spec.target
    const key = { connection, target: `${host}:${port}`, name }
    return database.kysely.transaction().execute(async (transaction) => {
      const fresh = await transaction.insertInto('learned').values({ ...key, value }).onConflict((conflict) => conflict.doNothing()).returning('value').executeTakeFirst()
      if (fresh !== undefined) {
        await appendEvents(transaction, { aggregate: 'learned', id: JSON.stringify([connection, key.target, name]), expectedVersion: 0, actor: 'connection-proxy', events: [{ type: learnedEventType, data: { ...key, value } }] })
        return fresh.value
      }
      let query = transaction.selectFrom('learned').select('value')
      for (const column of ['connection', 'target', 'name'] as const) query = query.where(column, '=', key[column])
      return (await query.executeTakeFirstOrThrow()).value
    })
  },
})
