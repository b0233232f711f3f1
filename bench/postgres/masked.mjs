// That the loads receive masked values: by a client, and by what the log says was masked.
import assert from 'node:assert/strict'
import { connectionEnv, run } from './pgbench.mjs'
import { RESULT_ROWS } from './target.mjs'

const rows = async (end, statement) => (await run('psql', ['-X', '-At', '-F', '|', '-c', statement], connectionEnv(end))).trimEnd().split('\n').map((line) => line.split('|'))

/** A number becomes NULL, a text becomes a placeholder, everything else stays: for the very statements of the loads. */
export const assertMasked = async (direct, gateway) => {
  const account = 'SELECT abalance, aid, bid FROM pgbench_accounts WHERE aid = 7'
  assert.deepEqual(await rows(direct, account), [['0', '7', '1']])
  assert.deepEqual(await rows(gateway, account), [['', '7', '1']])
  const people = 'SELECT id, name, email, points FROM people ORDER BY id'
  const real = await rows(direct, people)
  assert.equal(real.length, RESULT_ROWS)
  assert.ok(real.every(([id, , email]) => email === `person${id}@example.org`))
  const delivered = await rows(gateway, people)
  assert.equal(delivered.length, RESULT_ROWS)
  // Row by row: a difference of thousands of rows takes minutes to print.
  delivered.forEach((row, index) => assert.deepEqual(row, real[index].with(2, '[masked:bench-columns]')))
}

/** The log counts what was masked in each command: every result of the load had a masked value in each row. */
export const assertLogged = async (auditor, session, rowsEach) => {
  const { items } = await auditor.get(`/v1/sessions/${session}/commands?limit=200`)
  assert.ok(items.length > 0)
  for (const { id, status, finish } of items) {
    assert.equal(status, 'completed', id)
    assert.equal(finish.rows, rowsEach, id)
    assert.deepEqual(finish.masked, { 'bench-columns': rowsEach }, id)
  }
}
