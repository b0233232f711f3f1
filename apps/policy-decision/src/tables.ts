import { configurationTables, type ConfigurationTables } from '@sallyport/configuration'
import { aggregateTables, outboxConfirmation, type AggregateTables } from '@sallyport/persistence'

export type Tables = AggregateTables & ConfigurationTables

export const migrations = { '0001_aggregates': aggregateTables, '0002_configuration': configurationTables, '0003_outbox': outboxConfirmation }
