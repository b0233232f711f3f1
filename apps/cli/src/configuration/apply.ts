import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Fault } from '@sallyport/contracts/change'
import type { ApplyReply } from '@sallyport/contracts/directory'
import type { JWK } from 'jose'
import { CliError, exitStatus } from '../errors.js'
import type { Api } from '../session/api.js'
import { parseConfiguration } from './parse.js'
import { readDirectory } from './read-directory.js'
import { sealConnections } from './seal-connections.js'

export interface ApplyOptions {
  readonly dir: string
  readonly dryRun: boolean
  readonly prune: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Where a fault is, as compilers say it, so that editors find it. */
export const faultLine = (fault: Fault): string => {
  const place = [fault.file, fault.line, fault.column].filter((part) => part !== undefined).join(':')
  return `${place === '' ? '' : `${place}: `}${fault.field === undefined || fault.field === '' ? '' : `${fault.field}: `}${fault.message}`
}

const refuse = (faults: readonly Fault[]): never => {
  throw new CliError(exitStatus.configuration, `the configuration was not applied, ${faults.length === 1 ? 'one thing is' : `${faults.length} things are`} wrong:\n${faults.map((fault) => `  ${faultLine(fault)}`).join('\n')}`, { faults })
}

/** Reads, checks, seals and applies a configuration directory: all of it or nothing. Throws CliError with every fault. */
export const applyDirectory = async (api: Api, options: ApplyOptions): Promise<ApplyReply> => {
  const { configuration, faults } = parseConfiguration(readDirectory(options.dir))
  if (faults.length > 0) return refuse(faults)
  const { keys } = await api.get<{ keys: JWK[] }>('/v1/sealing-keys')
  const sealed = await sealConnections(configuration.connections, keys, {
    env: (name) => options.env[name],
    file: (file) => readFileSync(path.resolve(options.dir, file), 'utf8'),
  })
  if (sealed.faults.length > 0) return refuse(sealed.faults)
  return api.post<ApplyReply>('/v1/configuration/apply', { ...configuration, connections: sealed.connections, dryRun: options.dryRun, prune: options.prune })
}
