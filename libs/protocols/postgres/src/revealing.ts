/** Relations of the system that show values of columns, or what other sessions run: their own columns say nothing of that. */
const revealing = /^(?:pg_catalog\.)?(?:pg_stats|pg_stats_ext|pg_stats_ext_exprs|pg_statistic|pg_statistic_ext_data|pg_largeobject|pg_stat_activity|pg_prepared_statements|pg_cursors)$|(?:^|\.)pg_stat_statements$|^pg_toast(?:_temp_\d+)?\./

/** Whether a relation (`name` or `schema.name`) shows other people's data under names of its own. */
export const isRevealing = (name: string): boolean => revealing.test(name)
