import { hash } from 'node:crypto'
import type pg from 'pg'
import { byteaArray, int8Array, jsonArray, textArray, timeArray } from '../ledger/arrays.js'
import type { Suffix } from '../schema/projection-tables.js'
import type { CommandPatch } from './changes.js'
import type { Changeset } from './changeset.js'

/** PostgreSQL's text can't hold U+0000: the sign for it is shown instead. The bytes as published are in the log. */
const clean = (text: string): string => (text.includes('\u0000') ? text.replaceAll('\u0000', '\u2400') : text)
const cleanOrNull = (text: string | null | undefined): string | null => (text === null || text === undefined ? null : clean(text))

/** Sessions whose `opened` event isn't known (it was lost in a gap) get a row all the same. */
const writeSessions = async (client: pg.ClientBase, set: Changeset, suffix: Suffix): Promise<void> => {
  const ids = [...set.progress.keys()]
  if (ids.length === 0) return
  const opened = ids.map((id) => set.opened.get(id))
  const ending = ids.map((id) => set.endings.get(id))
  const progress = [...set.progress.values()]
  await client.query({
    name: `sessions${suffix}`,
    text: `
      insert into sessions${suffix} as s (id, position, connection, protocol, proxy, uid, on_behalf_of, principal, source_address, status, opened_at, closed_at, reason, commands, last_sequence)
      select id, position, coalesce(connection, ''), coalesce(protocol, ''), coalesce(proxy, ''), coalesce(uid, ''),
        array(select json_array_elements_text(coalesce(on_behalf_of, '[]'::json))), coalesce(principal, '{}'::json), coalesce(source_address, ''),
        coalesce(status, opened_status, 'open'), opened_at, closed_at, reason, commands, last_sequence
      from unnest($1::text[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[], $7::json[], $8::json[], $9::text[], $10::text[], $11::timestamptz[],
        $12::timestamptz[], $13::text[], $14::int8[], $15::int8[], $16::text[])
        as u (id, position, connection, protocol, proxy, uid, on_behalf_of, principal, source_address, status, opened_at, closed_at, reason, commands, last_sequence, opened_status)
      on conflict (id) do update set
        status = case when excluded.closed_at is null then s.status else excluded.status end,
        closed_at = coalesce(excluded.closed_at, s.closed_at), reason = coalesce(excluded.reason, s.reason),
        commands = s.commands + excluded.commands, last_sequence = greatest(s.last_sequence, excluded.last_sequence)`,
    values: [
      textArray(ids), int8Array(progress.map((item) => item.firstPosition)),
      textArray(opened.map((item) => cleanOrNull(item?.connection))), textArray(opened.map((item) => cleanOrNull(item?.protocol))),
      textArray(opened.map((item) => cleanOrNull(item?.proxy))), textArray(opened.map((item) => cleanOrNull(item?.uid))),
      jsonArray(opened.map((item) => (item === undefined ? null : JSON.stringify(item.onBehalfOf.map(clean))))),
      jsonArray(opened.map((item) => item?.principal ?? null)), textArray(opened.map((item) => cleanOrNull(item?.sourceAddress))),
      textArray(ending.map((item) => item?.status ?? null)), timeArray(opened.map((item, index) => item?.openedAt ?? progress[index]?.firstTime ?? 0)),
      timeArray(ids.map((_, index) => ending[index]?.at ?? opened[index]?.closedAt ?? null)),
      textArray(ids.map((_, index) => cleanOrNull(ending[index]?.reason ?? opened[index]?.reason))),
      int8Array(progress.map((item) => item.commands)), int8Array(progress.map((item) => item.lastSequence)),
      textArray(opened.map((item) => item?.status ?? null)),
    ],
  })
}

/** uid and connection come from the session's row, which is written before. */
const writeCommands = async (client: pg.ClientBase, set: Changeset, suffix: Suffix): Promise<void> => {
  const commands = [...set.commands.values()]
  if (commands.length === 0) return
  const patches = commands.map((command) => set.patches.get(command.id))
  await client.query({
    name: `commands${suffix}`,
    text: `
      insert into commands${suffix} (id, position, session, sequence, connection, uid, action, class, statement, statement_bytes, parameters, requested_at, decision,
        status, approval_id, approved_by, refusal_code, refusal_reason, finish)
      select u.id, u.position, u.session, u.sequence, s.connection, s.uid, u.action, u.class, u.statement, u.statement_bytes, u.parameters, u.requested_at, u.decision,
        coalesce(u.status, 'requested'), u.approval_id, case when u.approved_by is null then null else array(select json_array_elements_text(u.approved_by)) end,
        u.refusal_code, u.refusal_reason, u.finish
      from unnest($1::text[], $2::int8[], $3::text[], $4::int8[], $5::text[], $6::text[], $7::text[], $8::int8[], $9::json[], $10::timestamptz[], $11::json[],
        $12::text[], $13::text[], $14::json[], $15::text[], $16::text[], $17::json[])
        as u (id, position, session, sequence, action, class, statement, statement_bytes, parameters, requested_at, decision, status, approval_id, approved_by, refusal_code, refusal_reason, finish)
      join sessions${suffix} s on s.id = u.session
      on conflict (id) do nothing`,
    values: [
      textArray(commands.map((item) => clean(item.id))), int8Array(commands.map((item) => item.position)), textArray(commands.map((item) => item.session)),
      int8Array(commands.map((item) => item.sequence)), textArray(commands.map((item) => clean(item.action))), textArray(commands.map((item) => clean(item.class))),
      textArray(commands.map((item) => clean(item.statement))), int8Array(commands.map((item) => item.statementBytes)), jsonArray(commands.map((item) => item.parameters)),
      timeArray(commands.map((item) => item.requestedAt)), jsonArray(commands.map((item) => item.decision)),
      ...patchColumns(patches),
    ],
  })
}

const patchColumns = (patches: readonly (CommandPatch | undefined)[]): Buffer[] => [
  textArray(patches.map((patch) => patch?.status ?? null)),
  textArray(patches.map((patch) => cleanOrNull(patch?.approvalId))),
  jsonArray(patches.map((patch) => (patch?.approvedBy === undefined ? null : JSON.stringify(patch.approvedBy.map(clean))))),
  textArray(patches.map((patch) => cleanOrNull(patch?.refusalCode))),
  textArray(patches.map((patch) => cleanOrNull(patch?.refusalReason))),
  jsonArray(patches.map((patch) => patch?.finish ?? null)),
]

/** Changes commands of before. */
const patchCommands = async (client: pg.ClientBase, set: Changeset, suffix: Suffix): Promise<void> => {
  const patches = [...set.patches].filter(([id]) => !set.commands.has(id))
  if (patches.length === 0) return
  const values = patches.map(([, patch]) => patch)
  await client.query({
    name: `patches${suffix}`,
    text: `
      update commands${suffix} c set
        status = coalesce(u.status, c.status), approval_id = coalesce(u.approval_id, c.approval_id),
        approved_by = case when u.approved_by is null then c.approved_by else array(select json_array_elements_text(u.approved_by)) end,
        refusal_code = coalesce(u.refusal_code, c.refusal_code), refusal_reason = coalesce(u.refusal_reason, c.refusal_reason), finish = coalesce(u.finish, c.finish)
      from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::json[], $6::text[], $7::text[], $8::json[])
        as u (id, session, status, approval_id, approved_by, refusal_code, refusal_reason, finish)
      where c.id = u.id and c.session = u.session`,
    values: [textArray(patches.map(([id]) => clean(id))), textArray(values.map((patch) => patch.session)), ...patchColumns(values)],
  })
}

const writeApprovals = async (client: pg.ClientBase, set: Changeset, suffix: Suffix): Promise<void> => {
  const approvals = [...set.approvals]
  if (approvals.length > 0) {
    await client.query(
      `insert into approvals${suffix} as a (id, session, command, status, version) select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int8[])
       on conflict (id) do update set status = excluded.status, version = excluded.version where a.version < excluded.version`,
      [textArray(approvals.map(([id]) => clean(id))), textArray(approvals.map(([, item]) => clean(item.session))), textArray(approvals.map(([, item]) => clean(item.command))),
        textArray(approvals.map(([, item]) => item.status)), int8Array(approvals.map(([, item]) => item.version))],
    )
  }
  if (set.resolutions.length === 0) return
  await client.query(
    `insert into resolutions${suffix} (approval, version, by, verdict, comment, at)
     select * from unnest($1::text[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::timestamptz[]) on conflict do nothing`,
    [textArray(set.resolutions.map((item) => clean(item.approval))), int8Array(set.resolutions.map((item) => item.version)), textArray(set.resolutions.map((item) => clean(item.by))),
      textArray(set.resolutions.map((item) => item.verdict)), textArray(set.resolutions.map((item) => clean(item.comment))), timeArray(set.resolutions.map((item) => item.at))],
  )
}

const writeFaults = async (client: pg.ClientBase, set: Changeset): Promise<void> => {
  if (set.faults.length === 0) return
  const { faults } = set
  await client.query(
    `insert into quarantine (reason, detail, origin, session, sequence, position, digest)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::int8[], $7::bytea[]) on conflict do nothing`,
    [textArray(faults.map((item) => item.reason)), textArray(faults.map((item) => clean(item.detail))), textArray(faults.map((item) => item.event.type)),
      textArray(faults.map((item) => item.event.session)), int8Array(faults.map((item) => item.event.sequence)), int8Array(faults.map((item) => item.event.position)),
      byteaArray(faults.map((item) => hash('sha256', `projection/${item.event.position}`, 'buffer')))],
  )
}

/** The projections moved on without this projector: somebody else projects, or they were rebuilt. */
export class MovedError extends Error {
  override readonly name = 'MovedError'
  readonly code = 'moved'
}

export interface Checkpoint {
  readonly name: 'current' | 'next'
  readonly suffix: Suffix
}

/** Writes a changeset and moves the checkpoint from `from` to `to`, all or nothing. Throws MovedError when it was not at `from`. */
export const writeChangeset = async (pool: pg.Pool, set: Changeset, checkpoint: Checkpoint, from: number, to: number): Promise<void> => {
  const client = await pool.connect()
  try {
    // What a crash takes back, the checkpoint goes back with: no need to wait for the disk.
    await client.query('begin; set local synchronous_commit = off')
    const moved = await client.query({ name: 'checkpoint', text: 'update projection_checkpoints set position = $3 where name = $1 and position = $2', values: [checkpoint.name, from, to] })
    if (moved.rowCount !== 1) throw new MovedError(`the projection ${checkpoint.name} is not at ${from}`)
    await writeSessions(client, set, checkpoint.suffix)
    await writeCommands(client, set, checkpoint.suffix)
    await patchCommands(client, set, checkpoint.suffix)
    await writeApprovals(client, set, checkpoint.suffix)
    await writeFaults(client, set)
    const lost = [...set.endings].filter(([, ending]) => ending.status === 'lost').map(([id]) => id)
    if (lost.length > 0) await client.query(`update commands${checkpoint.suffix} set status = 'lost' where session = any($1) and status in ('requested', 'held', 'released')`, [lost])
    await client.query('commit')
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
}
