import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Fault } from '@sallyport/contracts/change'
import type { ApplyReply, ApplyRequest } from '@sallyport/contracts/directory'
import type { JWK } from 'jose'
import { CliError, exitStatus } from '../errors.js'
import type { Api } from '../session/api.js'
import { parseConfiguration, secretFields } from './parse.js'
import { readDirectory } from './read-directory.js'
import { sealConnections } from './seal-connections.js'

export interface ApplyOptions {
  readonly dir: string
  readonly dryRun: boolean
  readonly prune: boolean
  /** Secrets are sent again where nothing else changed: after one was rotated, or the proxies' keys were. */
  readonly reseal?: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A configuration as it may leave this machine: checked, its secrets sealed. */
export type PreparedConfiguration = Pick<ApplyRequest, 'issuers' | 'roleBindings' | 'agents' | 'maskingRules' | 'policies' | 'connections'>

/** Where a fault is, as compilers say it, so that editors find it. */
export const faultLine = (fault: Fault): string => {
  const place = [fault.file, fault.line, fault.column].filter((part) => part !== undefined).join(':')
  return `${place === '' ? '' : `${place}: `}${fault.field === undefined || fault.field === '' ? '' : `${fault.field}: `}${fault.message}`
}

const refuse = (faults: readonly Fault[]): never => {
  throw new CliError(exitStatus.configuration, `the configuration was not applied, ${faults.length === 1 ? 'one thing is' : `${faults.length} things are`} wrong:\n${faults.map((fault) => `  ${faultLine(fault)}`).join('\n')}`, { faults })
}

/** Reads, checks and seals a configuration directory. Throws CliError with every fault. */
export const prepareConfiguration = async (api: Api, { dir, env }: Pick<ApplyOptions, 'dir' | 'env'>): Promise<PreparedConfiguration> => {
  const { configuration, faults } = parseConfiguration(readDirectory(dir))
  if (faults.length > 0) return refuse(faults)
  const sealing = configuration.connections.some(({ spec }) => secretFields.some(({ field }) => spec.credentials[field] !== undefined))
  const { keys } = sealing ? await api.get<{ keys: JWK[] }>('/v1/sealing-keys') : { keys: [] }
  const sealed = await sealConnections(configuration.connections, keys, {
    env: (name) => env[name],
    file: (file, namedIn) => readFileSync(path.resolve(dir, path.dirname(namedIn), file), 'utf8'),
  })
  if (sealed.faults.length > 0) return refuse(sealed.faults)
  return { ...configuration, connections: sealed.connections }
}

/** Puts it in force, all of it or nothing; with `dryRun` it only answers the difference. */
export const applyConfiguration = (api: Api, prepared: PreparedConfiguration, { dryRun, prune, reseal = false }: Pick<ApplyOptions, 'dryRun' | 'prune' | 'reseal'>): Promise<ApplyReply> =>
  api.post('/v1/configuration/apply', { ...prepared, dryRun, prune, ...(reseal ? { reseal } : {}) })

/** Reads, checks, seals and applies a configuration directory: all of it or nothing. Throws CliError with every fault. */
export const applyDirectory = async (api: Api, options: ApplyOptions): Promise<ApplyReply> => applyConfiguration(api, await prepareConfiguration(api, options), options)
