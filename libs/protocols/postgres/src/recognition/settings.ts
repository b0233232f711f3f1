/**
 * Which settings a session may change without changing what its statements mean or may do. All others, and custom ones with a dot
 * (row-level security is often built on those), are administration.
 */
const harmless = new Set(`
application_name client_encoding client_min_messages datestyle intervalstyle timezone timezone_abbreviations extra_float_digits bytea_output
xmlbinary xmloption lc_messages lc_monetary lc_numeric lc_time statement_timeout lock_timeout transaction_timeout idle_in_transaction_session_timeout
idle_session_timeout client_connection_check_interval work_mem maintenance_work_mem temp_buffers hash_mem_multiplier logical_decoding_work_mem
effective_cache_size effective_io_concurrency maintenance_io_concurrency random_page_cost seq_page_cost cpu_tuple_cost cpu_index_tuple_cost
cpu_operator_cost parallel_setup_cost parallel_tuple_cost min_parallel_table_scan_size min_parallel_index_scan_size
max_parallel_workers_per_gather max_parallel_workers max_parallel_maintenance_workers parallel_leader_participation cursor_tuple_fraction
from_collapse_limit join_collapse_limit constraint_exclusion plan_cache_mode default_statistics_target recursive_worktable_factor
synchronize_seqscans stats_fetch_consistency quote_all_identifiers escape_string_warning default_text_search_config
default_transaction_isolation default_transaction_deferrable transaction_isolation transaction_read_only transaction_deferrable
check_function_bodies default_tablespace temp_tablespaces default_table_access_method default_toast_compression
restrict_nonsystem_relation_kind tcp_keepalives_idle tcp_keepalives_interval tcp_keepalives_count tcp_user_timeout
gin_fuzzy_search_limit gin_pending_list_limit vacuum_cost_delay vacuum_cost_limit array_nulls io_combine_limit
`.split(/\s+/).filter((name) => name !== ''))

/** Optimiser switches and costs: they change plans, not answers. */
const harmlessPrefix = /^(?:enable_[a-z_]+|jit(?:_(?:above_cost|inline_above_cost|optimize_above_cost|expressions|tuple_deforming))?|geqo(?:_[a-z_]+)?)$/

/** Settings that are harmless with these values only: towards the stricter or the usual side. */
const harmlessValues: Readonly<Record<string, RegExp>> = {
  standard_conforming_strings: /^(?:on|true|yes|1)$/i,
  // Off makes queries fail where a row-level security policy would have filtered; it never shows more. pg_dump sends it.
  row_security: /^(?:off|false|no|0)$/i,
  default_transaction_read_only: /^(?:on|true|yes|1)$/i,
  // pg_dump sets it to what its archive needs.
  session_replication_role: /^origin$/i,
}

const roleSettings = new Set(['role', 'session_authorization'])

export type SettingKind = 'harmless' | 'role' | 'setting'

/**
 * `values` are the assigned ones as text; undefined: not constant, or back to the default. `reset`: back to what the session started with.
 */
export const settingKind = (name: string, values: readonly (string | undefined)[], reset: boolean): SettingKind => {
  if (roleSettings.has(name)) return 'role'
  if (name === 'search_path') return reset || values.every((value) => value !== undefined && !/pg_catalog|pg_temp/i.test(value)) ? 'harmless' : 'setting'
  const allowed = harmlessValues[name]
  if (allowed !== undefined) return values.length === 1 && values.every((value) => value !== undefined && allowed.test(value)) ? 'harmless' : 'setting'
  return harmless.has(name) || harmlessPrefix.test(name) ? 'harmless' : 'setting'
}

/**
 * Whether an unqualified name of a built-in function means the built-in one under this search path: pg_catalog is searched first
 * unless the path names it elsewhere.
 */
export const catalogFirst = (searchPath: string | undefined): boolean => {
  if (searchPath === undefined) return true
  const parts = searchPath.toLowerCase().split(',').map((part) => part.trim().replace(/^"(.*)"$/, '$1'))
  return !parts.slice(1).includes('pg_catalog')
}
