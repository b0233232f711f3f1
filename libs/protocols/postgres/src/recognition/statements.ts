import type { Node } from 'libpg-query'
import type { Action } from './actions.js'
import * as change from './change-rules.js'
import * as data from './data-rules.js'
import type { Findings } from './findings.js'
import type { Ast } from './nodes.js'
import { recogniseSet } from './setting-effects.js'
import * as session from './session-rules.js'
import type { Frame } from './walk.js'

type KeyOf<T> = T extends unknown ? keyof T : never
/** Every statement node of the parser's PostgreSQL version. */
export type StatementName = Extract<KeyOf<Node>, `${string}Stmt`>
export type Rule = (node: Ast, found: Findings, frame: Frame) => void

const { create, alter, drop, administer } = change

/** Every statement has its rule; the compiler sees to it that none is missing when the parser gets a new one. */
const rules = {
  SelectStmt: data.select, InsertStmt: data.insert, UpdateStmt: data.update, DeleteStmt: data.remove, MergeStmt: data.merge,
  TruncateStmt: data.truncate, CopyStmt: data.copy, LockStmt: data.lock, RefreshMatViewStmt: data.refresh, VacuumStmt: data.vacuum,
  CallStmt: data.call, DoStmt: data.runBlock, ExplainStmt: data.explain, CreateTableAsStmt: data.createTableAs,

  TransactionStmt: session.transaction, VariableSetStmt: recogniseSet, VariableShowStmt: session.show, ListenStmt: session.listen,
  UnlistenStmt: session.unlisten, NotifyStmt: session.notify, PrepareStmt: session.prepare, ExecuteStmt: session.execute,
  DeallocateStmt: session.deallocate, DeclareCursorStmt: session.declareCursor, FetchStmt: session.fetch, ClosePortalStmt: session.closeCursor,
  DiscardStmt: session.discard, ConstraintsSetStmt: session.setConstraints,

  CreateStmt: create('table', 'relation'), CreateForeignTableStmt: create('foreign table'), ViewStmt: create('view', 'view'),
  IndexStmt: change.createIndex, CreateSeqStmt: create('sequence', 'sequence'), CreateSchemaStmt: create('schema', 'schemaname'),
  CreateFunctionStmt: change.createFunction, CreateTrigStmt: create('trigger', 'relation'), CreateEventTrigStmt: create('event trigger', 'trigname'),
  RuleStmt: create('rule', 'relation'), CreatePolicyStmt: create('policy', 'table'), CreateDomainStmt: create('domain', 'domainname'),
  CreateEnumStmt: create('type', 'typeName'), CreateRangeStmt: create('type', 'typeName'), CompositeTypeStmt: create('type', 'typevar'),
  DefineStmt: change.define, CreateCastStmt: create('cast'), CreateConversionStmt: create('conversion', 'conversion_name'),
  CreateOpClassStmt: create('operator class', 'opclassname'), CreateOpFamilyStmt: create('operator family', 'opfamilyname'),
  CreateTransformStmt: create('transform'), CreateStatsStmt: create('statistics', 'defnames'), CreateAmStmt: create('access method', 'amname'),
  CreatedbStmt: create('database', 'dbname'),

  AlterTableStmt: change.alterTable, AlterTableMoveAllStmt: alter('table'), AlterSeqStmt: alter('sequence', 'sequence'), RenameStmt: change.rename,
  AlterObjectSchemaStmt: change.move, AlterOwnerStmt: change.changeOwner, AlterObjectDependsStmt: change.dependOn,
  AlterFunctionStmt: alter('function', 'func'), AlterDomainStmt: alter('domain', 'typeName'), AlterEnumStmt: alter('type', 'typeName'),
  AlterTypeStmt: alter('type', 'typeName'), AlterCollationStmt: alter('collation', 'collname'), AlterOpFamilyStmt: alter('operator family', 'opfamilyname'),
  AlterOperatorStmt: alter('operator', 'opername'), AlterPolicyStmt: alter('policy', 'table'), AlterStatsStmt: alter('statistics', 'defnames'),
  AlterTSConfigurationStmt: alter('text search configuration', 'cfgname'), AlterTSDictionaryStmt: alter('text search dictionary', 'dictname'),
  AlterEventTrigStmt: alter('event trigger', 'trigname'), AlterDatabaseStmt: alter('database', 'dbname'),
  AlterDatabaseRefreshCollStmt: alter('database', 'dbname'), ReplicaIdentityStmt: alter('table'),

  DropStmt: change.dropObjects, DropdbStmt: drop('database', 'dbname'),

  CommentStmt: change.comment, ReindexStmt: change.reindex, ClusterStmt: change.cluster, ImportForeignSchemaStmt: change.importForeignSchema,

  GrantStmt: change.grant, GrantRoleStmt: change.grantRole, AlterDefaultPrivilegesStmt: administer('sql.grant', 'default privileges'),
  CreateRoleStmt: administer('sql.role', 'role', 'role'), AlterRoleStmt: administer('sql.role', 'role', 'role'),
  DropRoleStmt: administer('sql.role', 'role', 'roles'), DropOwnedStmt: administer('sql.role', 'owned objects', 'roles'),
  ReassignOwnedStmt: administer('sql.role', 'owned objects', 'roles'),
  AlterRoleSetStmt: change.alterSettings('role'), AlterDatabaseSetStmt: change.alterSettings('database'), AlterSystemStmt: change.alterSystem,
  CreateExtensionStmt: administer('sql.extension', 'extension', 'extname'), AlterExtensionStmt: administer('sql.extension', 'extension', 'extname'),
  AlterExtensionContentsStmt: administer('sql.extension', 'extension', 'extname'), CreatePLangStmt: administer('sql.language', 'language', 'plname'),
  CreateFdwStmt: administer('sql.foreign_server', 'foreign-data wrapper', 'fdwname'), AlterFdwStmt: administer('sql.foreign_server', 'foreign-data wrapper', 'fdwname'),
  CreateForeignServerStmt: administer('sql.foreign_server', 'server', 'servername'), AlterForeignServerStmt: administer('sql.foreign_server', 'server', 'servername'),
  CreateUserMappingStmt: administer('sql.foreign_server', 'user mapping', 'servername'), AlterUserMappingStmt: administer('sql.foreign_server', 'user mapping', 'servername'),
  DropUserMappingStmt: administer('sql.foreign_server', 'user mapping', 'servername'),
  CreateTableSpaceStmt: administer('sql.tablespace', 'tablespace', 'tablespacename'), DropTableSpaceStmt: administer('sql.tablespace', 'tablespace', 'tablespacename'),
  AlterTableSpaceOptionsStmt: administer('sql.tablespace', 'tablespace', 'tablespacename'),
  CreatePublicationStmt: administer('sql.replication', 'publication', 'pubname'), AlterPublicationStmt: administer('sql.replication', 'publication', 'pubname'),
  CreateSubscriptionStmt: administer('sql.replication', 'subscription', 'subname'), AlterSubscriptionStmt: administer('sql.replication', 'subscription', 'subname'),
  DropSubscriptionStmt: administer('sql.replication', 'subscription', 'subname'),
  SecLabelStmt: change.securityLabel, LoadStmt: session.load, CheckPointStmt: administer('sql.checkpoint'),

  // Parts of other statements: what they hold is visited by itself.
  RawStmt: undefined, ReturnStmt: undefined, PLAssignStmt: undefined,
  // Made by the planner, never by the parser.
  SetOperationStmt: undefined,
} as const satisfies Record<StatementName, Rule | undefined>

/** The rule of a node: undefined when there is nothing to add, `unknown` for a statement this version doesn't know. */
export const ruleOf = (type: string): Rule | undefined | 'unknown' => {
  if (!type.endsWith('Stmt')) return undefined
  return Object.hasOwn(rules, type) ? rules[type as StatementName] : 'unknown'
}

export type { Action }
