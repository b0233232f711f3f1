/** Names of the projections' tables; `_next` while they are being built anew. */
export const projectionNames = ['sessions', 'commands', 'approvals', 'resolutions'] as const

export type Suffix = '' | '_next'

/** json, not jsonb: it is only shown, never searched, and costs no conversion. Index names are left to the server: they outlive swaps. */
export const projectionTables = (suffix: Suffix): string[] => [
  `create table sessions${suffix} (
    id text primary key,
    position bigint not null unique,
    connection text not null,
    protocol text not null,
    proxy text not null,
    uid text not null,
    on_behalf_of text[] not null,
    principal json not null,
    source_address text not null,
    status text not null,
    opened_at timestamptz not null,
    closed_at timestamptz,
    reason text,
    commands bigint not null,
    last_sequence bigint not null
  ) with (fillfactor = 70)`,
  `create index on sessions${suffix} (uid, position)`,
  `create table commands${suffix} (
    id text primary key,
    position bigint not null unique,
    session text not null,
    sequence bigint not null,
    connection text not null,
    uid text not null,
    action text not null,
    class text not null,
    statement text not null,
    statement_bytes bigint not null,
    parameters json,
    requested_at timestamptz not null,
    decision json not null,
    status text not null,
    approval_id text,
    approved_by text[],
    refusal_code text,
    refusal_reason text,
    finish json
  )`,
  `create index on commands${suffix} (session, sequence)`,
  `create table approvals${suffix} (
    id text primary key,
    session text not null,
    command text not null,
    status text not null,
    version bigint not null
  )`,
  `create table resolutions${suffix} (
    approval text not null,
    version bigint not null,
    by text not null,
    verdict text not null,
    comment text not null,
    at timestamptz not null,
    primary key (approval, version)
  )`,
]
