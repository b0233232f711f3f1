import { type Findings, draft } from './findings.js'
import { type Ast, textOf } from './nodes.js'
import type { TransactionStep } from './detail.js'

const steps: Readonly<Record<string, TransactionStep>> = {
  TRANS_STMT_BEGIN: 'begin', TRANS_STMT_START: 'begin', TRANS_STMT_COMMIT: 'commit', TRANS_STMT_ROLLBACK: 'rollback', TRANS_STMT_SAVEPOINT: 'savepoint',
  TRANS_STMT_RELEASE: 'release', TRANS_STMT_ROLLBACK_TO: 'rollback-to', TRANS_STMT_PREPARE: 'prepare',
}

/** COMMIT PREPARED and ROLLBACK PREPARED are about another transaction: they are no step of this one. */
export const transactionStep = (node: Ast): TransactionStep | undefined => steps[textOf(node['kind'])]

export const transaction = (node: Ast, found: Findings): void => {
  const step = transactionStep(node)
  if (step === undefined || step === 'prepare') {
    draft(found, 'sql.two_phase', { transaction: textOf(node['kind']).replace('TRANS_STMT_', '').toLowerCase().replaceAll('_', ' ') })
  } else {
    draft(found, 'sql.transaction', { transaction: step })
  }
}

export const show = (node: Ast, found: Findings): void => draft(found, 'sql.show', { settings: [textOf(node['name']).toLowerCase()] })
export const listen = (node: Ast, found: Findings): void => draft(found, 'sql.listen', { channel: textOf(node['conditionname']) })
export const unlisten = (node: Ast, found: Findings): void => draft(found, 'sql.listen', { channel: textOf(node['conditionname']) || '*' })
export const notify = (node: Ast, found: Findings): void => draft(found, 'sql.notify', { channel: textOf(node['conditionname']) })

export const prepare = (_node: Ast, found: Findings): void => draft(found, 'sql.prepare')
export const deallocate = (_node: Ast, found: Findings): void => draft(found, 'sql.deallocate')
export const declareCursor = (_node: Ast, found: Findings): void => draft(found, 'sql.declare_cursor')
export const closeCursor = (_node: Ast, found: Findings): void => draft(found, 'sql.close_cursor')
export const setConstraints = (_node: Ast, found: Findings): void => draft(found, 'sql.set_constraints')
export const discard = (_node: Ast, found: Findings): void => draft(found, 'sql.discard')
export const load = (_node: Ast, found: Findings): void => draft(found, 'sql.load')

export const execute = (node: Ast, found: Findings): void => {
  found.executes = textOf(node['name'])
  draft(found, 'sql.execute')
}

export const fetch = (node: Ast, found: Findings): void => {
  found.fetches = textOf(node['portalname'])
  draft(found, 'sql.fetch')
}
