/**
 * Built-in functions (names in pg_catalog of PostgreSQL 15 and later) that do nothing but compute from their arguments and the catalog:
 * all overloads immutable or stable, reviewed; the volatile ones were added one by one. Not on the list, on purpose: whatever
 * runs a query given as text (query_to_xml, ts_stat), reaches files, the network or other backends, takes locks, moves a sequence, assigns a
 * transaction id, sets a setting, or shows what other sessions run.
 */
const plain = `
abbrev abs aclcontains acldefault aclexplode acos acosd acosh age area array_agg array_append array_cat array_dims array_fill array_length
array_lower array_ndims array_position array_positions array_prepend array_remove array_replace array_to_json array_to_string
array_to_tsvector array_upper ascii asin asind asinh atan atan2 atan2d atand atanh avg bit bit_and bit_length bit_or bit_xor bool bool_and
bool_or bound_box box bpchar broadcast btrim cardinality cbrt ceil ceiling center char char_length character_length chr cidr circle
col_description concat concat_ws convert convert_from convert_to corr cos cosd cosh cot cotd count covar_pop covar_samp cume_dist
current_database current_schema current_schemas current_setting current_user date date_part date_trunc daterange decode degrees dense_rank
diagonal diameter div encode enum_first enum_last enum_range every exp extract factorial family first_value float4 float8 floor format
format_type gcd generate_series generate_subscripts get_bit get_byte get_current_ts_config getdatabaseencoding has_any_column_privilege
has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege
has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege has_type_privilege height
host hostmask inet_client_addr inet_client_port inet_merge inet_same_family inet_server_addr inet_server_port initcap int2 int4 int4range
int8 int8range interval is_normalized isclosed isempty isfinite ishorizontal isopen isparallel isperp isvertical json_array_elements
json_array_elements_text json_array_length json_build_array json_build_object json_each json_each_text json_extract_path
json_extract_path_text json_object json_object_keys json_populate_record json_populate_recordset json_strip_nulls json_to_record
json_to_recordset json_to_tsvector json_typeof jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_keys
jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query jsonb_path_query_array
jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record
jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_to_tsvector
jsonb_typeof justify_days justify_hours justify_interval lag last_value lcm lead left length like like_escape line ln log log10 lower
lower_inc lower_inf lpad lseg ltrim macaddr macaddr8 macaddr8_set7bit make_date make_interval make_time make_timestamp make_timestamptz
masklen max md5 min min_scale mod mode money mxid_age name netmask network normalize notlike now npoints nth_value ntile num_nonnulls
num_nulls numeric numnode numrange obj_description octet_length oid oidvectortypes overlaps overlay parse_ident path percent_rank
percentile_cont percentile_disc pg_backend_pid pg_char_to_encoding pg_client_encoding pg_collation_for pg_collation_is_visible
pg_column_compression pg_column_is_updatable pg_column_size pg_conversion_is_visible pg_current_snapshot pg_current_xact_id_if_assigned
pg_describe_object pg_encoding_max_length pg_encoding_to_char pg_filenode_relation pg_function_is_visible pg_get_constraintdef pg_get_expr
pg_get_function_arg_default pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result pg_get_function_sqlbody
pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_object_address pg_get_partition_constraintdef pg_get_partkeydef
pg_get_replica_identity_index pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_statisticsobjdef_columns
pg_get_statisticsobjdef_expressions pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_identify_object
pg_identify_object_as_address pg_index_column_has_property pg_index_has_property pg_indexam_has_property pg_indexam_progress_phasename
pg_is_other_temp_schema pg_listening_channels pg_lsn pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible
pg_options_to_table pg_partition_root pg_postmaster_start_time pg_relation_filenode pg_relation_filepath pg_relation_is_publishable
pg_relation_is_updatable pg_replication_origin_oid pg_sequence_parameters pg_size_bytes pg_size_pretty pg_snapshot_xip pg_snapshot_xmax
pg_snapshot_xmin pg_statistics_obj_is_visible pg_table_is_visible pg_tablespace_location pg_trigger_depth pg_ts_config_is_visible
pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible pg_type_is_visible pg_typeof pg_visible_in_snapshot pg_wal_lsn_diff
pg_walfile_name pg_walfile_name_offset phraseto_tsquery pi plainto_tsquery point polygon position pow power querytree quote_ident
quote_literal quote_nullable radians radius range_merge rank regclass regexp_match regexp_matches regexp_replace regexp_split_to_array
regexp_split_to_table regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace reverse
right round row_number row_security_active row_to_json rpad rtrim scale session_user set_bit set_byte set_masklen setweight sha224 sha256
sha384 sha512 shobj_description sign similar_escape similar_to_escape sin sind sinh slope split_part sqrt statement_timestamp stddev
stddev_pop stddev_samp string_agg string_to_array strip strpos substr substring sum tan tand tanh text textlen time timestamp timestamptz
timetz timezone to_ascii to_char to_date to_hex to_json to_jsonb to_number to_regclass to_regcollation to_regnamespace to_regoper
to_regoperator to_regproc to_regprocedure to_regrole to_regtype to_timestamp to_tsquery to_tsvector transaction_timestamp translate
trim_scale trunc ts_debug ts_delete ts_filter ts_headline ts_lexize ts_parse ts_rank ts_rank_cd ts_token_type tsrange tstzrange
tsvector_to_array txid_current_if_assigned txid_current_snapshot txid_snapshot_xip txid_snapshot_xmax txid_snapshot_xmin
txid_visible_in_snapshot unnest upper upper_inc upper_inf var_pop var_samp varbit varchar variance version websearch_to_tsquery width
width_bucket xid xml xml_is_well_formed xml_is_well_formed_content xml_is_well_formed_document xmlagg xmlcomment xmlexists xpath
xpath_exists
json_agg jsonb_agg json_object_agg jsonb_object_agg starts_with hashtext
clock_timestamp timeofday current_query gen_random_uuid random pg_blocking_pids pg_safe_snapshot_blocking_pids pg_database_size
pg_indexes_size pg_relation_size pg_table_size pg_tablespace_size pg_total_relation_size pg_is_in_recovery pg_is_wal_replay_paused
pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_current_wal_lsn pg_current_wal_insert_lsn
pg_current_wal_flush_lsn pg_partition_ancestors pg_partition_tree pg_notification_queue_usage pg_jit_available pg_xact_commit_timestamp
pg_xact_status txid_status pg_sequence_last_value pg_collation_actual_version`

/** Younger than PostgreSQL 13: on an older target the name could be a user's own function. By the version that brought them. */
const since: Readonly<Record<number, string>> = {
  14: `bit_count date_bin range_agg range_intersect_agg multirange nummultirange int4multirange int8multirange datemultirange tsmultirange
tstzmultirange string_to_table trim_array unistr pg_get_catalog_foreign_keys`,
  15: 'regexp_count regexp_instr regexp_like regexp_substr has_parameter_privilege pg_settings_get_flags pg_database_collation_actual_version',
  16: `json_agg_strict jsonb_agg_strict json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict
jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict any_value array_sample array_shuffle date_add date_subtract erf erfc icu_unicode_version random_normal system_user pg_split_walfile_name`,
  17: `jsonb_populate_record_valid pg_basetype pg_column_toast_chunk_id to_bin to_oct to_regtypemod unicode_assigned unicode_version
uuid_extract_timestamp uuid_extract_version xmltext`,
  18: `array_reverse array_sort bytea casefold crc32 crc32c gamma lgamma has_largeobject_privilege pg_get_acl pg_get_sequence_data uuidv4 uuidv7`,
}

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '')

/** Every name on the list, and the version that brought it (0: 13 or earlier). */
export const harmlessFunctions: ReadonlyMap<string, number> = new Map<string, number>([
  ...words(plain).map((name): [string, number] => [name, 0]),
  ...Object.entries(since).flatMap(([version, names]) => words(names).map((name): [string, number] => [name, Number(version)])),
])

/** Functions that reach beyond the database's data: server files and programs, other backends, replication, settings, statistics resets. */
const serverFunctions = new RegExp(`^(?:${words(`
pg_read_.* pg_ls_.* pg_stat_file lo_import lo_export dblink.* pg_file_.* pg_terminate_backend pg_cancel_backend pg_reload_conf
pg_rotate_logfile.* pg_switch_.* pg_create_.* pg_drop_replication_slot pg_copy_.* pg_replication_.* pg_logical_.* pg_promote pg_backup_.*
pg_start_backup pg_stop_backup pg_wal_replay_pause pg_wal_replay_resume pg_log_.* pg_stat_reset.* pg_import_.* pg_extension_config_dump
binary_upgrade_.* pg_current_logfile pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings pg_sync_replication_slots
pg_clear_.* pg_restore_.* pg_stop_making_pinned_objects pg_nextoid set_config pg_config pg_control_.* pg_wal_summary_contents
pg_available_wal_summaries pg_execute_server_program pg_stat_force_next_flush pg_truncate_visibility_map xpath_table`).join('|')})$`)

/** Functions of information_schema that drivers call; the schema belongs to the installation. */
const informationSchema = new Set(words(`_pg_expandarray _pg_truetypid _pg_truetypmod _pg_char_max_length _pg_numeric_precision _pg_numeric_scale
_pg_datetime_precision`))

/** Functions of one argument that give a whole row back: `t.to_json` reads all of `t` (attribute notation is a call). */
export const wholeRowFunctions: ReadonlySet<string> = new Set(words(`
row_to_json to_json to_jsonb quote_literal quote_nullable record_out record_send hash_record hash_record_extended concat json_build_array
jsonb_build_array json_build_object jsonb_build_object array_agg json_agg json_agg_strict jsonb_agg jsonb_agg_strict min max mode any_value
first_value last_value lag lead any_out anyelement_out anynonarray_out anycompatible_out anycompatiblenonarray_out hstore`))

/** Columns of the harmless functions whose results have several. */
export const resultColumns: ReadonlyMap<string, readonly string[]> = new Map(`
aclexplode: grantor grantee privilege_type is_grantable
json_each: key value
jsonb_each: key value
json_each_text: key value
jsonb_each_text: key value
_pg_expandarray: x n
pg_get_keywords: word catcode barelabel catdesc baredesc
pg_options_to_table: option_name option_value
pg_partition_tree: relid parentrelid isleaf level
pg_sequence_parameters: start_value minimum_value maximum_value increment cycle_option cache_size data_type
pg_identify_object: type schema name identity
pg_identify_object_as_address: type object_names object_args
pg_get_object_address: classid objid objsubid
ts_parse: tokid token
ts_token_type: tokid alias description
ts_debug: alias description token dictionaries dictionary lexemes
pg_get_catalog_foreign_keys: fktable fkcols pktable pkcols is_array is_opt`.split('\n').slice(1).map((line): [string, readonly string[]] => {
  const [name = '', columns = ''] = line.split(': ')
  return [name, words(columns)]
}))

export interface Trust {
  /** Unqualified names mean pg_catalog's: the search path doesn't put it behind others. */
  readonly unqualified: boolean
  /** Major version of the target, or 13 when it isn't known. */
  readonly version: number
}

export const functionKind = (parts: readonly string[], trust: Trust): 'harmless' | 'unknown' | 'server' => {
  const name = parts.at(-1) ?? ''
  if (serverFunctions.test(name)) return 'server'
  const schema = parts.length === 1 ? undefined : parts.slice(0, -1).join('.')
  if (schema === 'information_schema') return informationSchema.has(name) ? 'harmless' : 'unknown'
  if (schema !== undefined && schema !== 'pg_catalog') return 'unknown'
  const version = harmlessFunctions.get(name)
  if (version === undefined) return 'unknown'
  if (schema === 'pg_catalog') return 'harmless'
  return trust.unqualified && version <= trust.version ? 'harmless' : 'unknown'
}

const sequenceFunctions = new Set(['nextval', 'currval', 'lastval', 'setval'])

/** Not harmless, but what it answers is a sequence's number and nobody's data. */
export const isMovingSequences = (parts: readonly string[], trust: Trust): boolean =>
  sequenceFunctions.has(parts.at(-1) ?? '') && (parts.length === 1 ? trust.unqualified : parts.length === 2 && parts[0] === 'pg_catalog')

export const builtinTypes: ReadonlySet<string> = new Set(words(`
aclitem anyarray anyelement bit bool box bpchar bytea char cid cidr circle date datemultirange daterange float4 float8 gtsvector inet int2 int2vector
int4 int4multirange int4range int8 int8multirange int8range interval json jsonb jsonpath line lseg macaddr macaddr8 money name numeric nummultirange
numrange oid oidvector path pg_lsn pg_node_tree pg_snapshot point polygon record refcursor regclass regcollation regconfig regdictionary regnamespace
regoper regoperator regproc regprocedure regrole regtype text tid time timestamp timestamptz timetz tsmultirange tsquery tsrange tstzmultirange
tstzrange tsvector txid_snapshot unknown uuid varbit varchar void xid xid8 xml`))

export const builtinOperators: ReadonlySet<string> = new Set(words(`
!! !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * *< *<= *<> *= *> *>= + - -> ->> -|- / < <-> << <<= <<| <= <> <@ <^ = > >= >> >>= >^ ? ?# ?&
?- ?-| ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>> || ||/ ~ ~* ~<=~ ~<~ ~= ~>=~ ~>~ ~~ ~~* !=`))

const isBuiltin = (known: ReadonlySet<string>, parts: readonly string[], trust: Trust): boolean => {
  const name = parts.at(-1) ?? ''
  if (!known.has(name)) return false
  if (parts.length === 1) return trust.unqualified
  return parts.length === 2 && parts[0] === 'pg_catalog'
}

export const isBuiltinType = (parts: readonly string[], trust: Trust): boolean => isBuiltin(builtinTypes, parts, trust)

/** By symbol only: a user's own overload of a built-in symbol is not told apart (it takes the catalog to do so). */
export const isBuiltinOperator = (parts: readonly string[], trust: Trust): boolean => isBuiltin(builtinOperators, parts, trust)
