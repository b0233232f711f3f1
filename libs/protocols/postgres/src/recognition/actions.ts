import type { ActionClass, FactType } from '@sallyport/protocol-kit'

/**
 * Precise actions of PostgreSQL statements and the class of each. One statement has as many effects as it has actions.
 *
 * Where the class is a choice: TRUNCATE destroys rows, so `write`. SELECT … FOR UPDATE and LOCK TABLE make others wait, so `write`
 * (ACCESS SHARE, the lock that every SELECT takes, is a `read`). NOTIFY reaches other sessions, so `write`. Two-phase transactions outlive
 * their session, so `administer`. FETCH runs on what DECLARE was judged for, so `read`, though never a proven one by itself.
 */
export const actions = {
  'sql.empty': 'connect',
  'sql.transaction': 'connect',
  'sql.set': 'connect',
  'sql.set_constraints': 'connect',
  'sql.show': 'connect',
  'sql.listen': 'connect',
  'sql.prepare': 'connect',
  'sql.deallocate': 'connect',
  'sql.declare_cursor': 'connect',
  'sql.close_cursor': 'connect',
  'sql.discard': 'connect',

  'sql.select': 'read',
  'sql.copy_to': 'read',
  'sql.explain': 'read',
  'sql.fetch': 'read',
  'sql.lock_access_share': 'read',

  'sql.insert': 'write',
  'sql.update': 'write',
  'sql.delete': 'write',
  'sql.merge': 'write',
  'sql.truncate': 'write',
  'sql.copy_from': 'write',
  'sql.lock': 'write',
  'sql.notify': 'write',
  'sql.vacuum': 'write',
  'sql.analyze': 'write',
  'sql.refresh': 'write',

  'sql.call': 'execute',
  'sql.do': 'execute',
  'sql.execute': 'execute',
  'sql.function': 'execute',
  'sql.operator': 'execute',
  'sql.cast': 'execute',

  'sql.create': 'schema',
  'sql.alter': 'schema',
  'sql.drop': 'schema',
  'sql.comment': 'schema',
  'sql.reindex': 'schema',
  'sql.cluster': 'schema',
  'sql.import_foreign_schema': 'schema',

  'sql.set_role': 'administer',
  'sql.set_setting': 'administer',
  'sql.two_phase': 'administer',
  'sql.grant': 'administer',
  'sql.role': 'administer',
  'sql.extension': 'administer',
  'sql.language': 'administer',
  'sql.foreign_server': 'administer',
  'sql.tablespace': 'administer',
  'sql.replication': 'administer',
  'sql.security_label': 'administer',
  'sql.alter_system': 'administer',
  'sql.alter_settings': 'administer',
  'sql.load': 'administer',
  'sql.checkpoint': 'administer',
  'sql.copy_file': 'administer',
  'sql.copy_program': 'administer',
  'sql.server_function': 'administer',
  'sql.server_relation': 'administer',

  'sql.copy_masked': 'unmask',

  'sql.unrecognised': 'unrecognised',
} as const satisfies Record<string, ActionClass>

export type Action = keyof typeof actions

/** Names are as the parser resolves them: unquoted ones in lower case, `schema.name` when the statement qualifies them, else `name`. */
export const facts = {
  /** Relations that the effect is about: read by a read, changed by a write, locked by a lock. */
  tables: 'strings',
  /** Schemas named explicitly, by a qualified name or as the object of the statement. */
  schemas: 'strings',
  /** Names of the objects that a schema change or grant is about. */
  objects: 'strings',
  /** What kind of object: `table`, `index`, `function` … */
  objectKind: 'string',
  /** Functions and procedures called that aren't on the list of harmless ones. */
  functions: 'strings',
  /** Operators used that aren't built in. */
  operators: 'strings',
  /** Types cast to that aren't built in. */
  types: 'strings',
  /** Columns: named anywhere in the statement (reads), or assigned (writes, where the statement names them). */
  columns: 'strings',
  /** Every column of the relations is read: a star, a whole row, a natural join. */
  allColumns: 'boolean',
  /** There is a condition that depends on a column; `WHERE true`, `1 = 1`, `id = id`, `random() < 2` are none. */
  hasWhere: 'boolean',
  /** There is a LIMIT or FETCH FIRST that isn't ALL or NULL. */
  hasLimit: 'boolean',
  /** Rows come back from a write. */
  hasReturning: 'boolean',
  /** More than one relation is read. */
  joins: 'boolean',
  /** Settings changed or shown. */
  settings: 'strings',
  /** Number of statements in the text. */
  statementCount: 'integer',
  /** EXPLAIN runs the statement. */
  explainAnalyze: 'boolean',
  /** CASCADE was asked for. */
  cascade: 'boolean',
  /** CONCURRENTLY was asked for. */
  concurrently: 'boolean',
  /** What an ALTER TABLE does: `add column`, `drop column` … */
  alterations: 'strings',
  /** Language of a function or DO block. */
  language: 'string',
  channel: 'string',
  /** Roles granted, changed, assumed or granted to. */
  roles: 'strings',
  /** Privileges granted or revoked; `all` for all. */
  privileges: 'strings',
  /** `for update`, `for no key update`, `for share`, `for key share`, or LOCK TABLE's mode such as `access exclusive`. */
  lockMode: 'string',
  /** `begin`, `commit`, `rollback` … */
  transaction: 'string',
  /** File on the target's host that COPY reads or writes. */
  file: 'string',
} as const satisfies Record<string, FactType>

export type FactName = keyof typeof facts
