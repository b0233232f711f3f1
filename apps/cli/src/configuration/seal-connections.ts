import type { Fault } from '@sallyport/contracts/change'
import { sealingContext, type ApplyRequest } from '@sallyport/contracts/directory'
import { seal } from '@sallyport/sealing'
import type { JWK } from 'jose'
import { secretFields, type SecretSource, type UnsealedConnection } from './parse.js'

export interface SecretReader {
  /** Value of an environment variable, undefined when it is not set. */
  env(name: string): string | undefined
  /** Content of a file, named relative to the configuration file `namedIn`; its last line feed is not part of the secret. Throws when it can't be read. */
  file(path: string, namedIn: string): string
}

/** Reads each connection's secret and seals it to the proxies' keys, bound to where it will be sent. A secret that can't be read is a fault. */
export const sealConnections = async (connections: readonly UnsealedConnection[], keys: readonly JWK[], reader: SecretReader): Promise<{ connections: ApplyRequest['connections']; faults: Fault[] }> => {
  const faults: Fault[] = []
  const sealed: ApplyRequest['connections'] = []
  for (const connection of connections) {
    const { credentials, ...spec } = connection.spec
    const given = secretFields.find(({ field }) => credentials[field] !== undefined)
    const secret = given === undefined ? undefined : read(credentials[given.field]!, connection.file, reader)
    if (secret instanceof Error) {
      faults.push({ file: connection.file, line: connection.line, field: `spec.credentials.${given!.field}`, message: secret.message })
      continue
    }
    const credential = { username: credentials.username, kind: given?.kind ?? 'password' as const }
    const context = sealingContext(connection.name, spec.target, credential)
    sealed.push({
      name: connection.name, labels: connection.labels, file: connection.file, line: connection.line,
      spec: { ...spec, credentials: { ...credential, ...(secret === undefined ? {} : { sealed: await seal(secret, keys, context) }) } },
    })
  }
  return { connections: sealed, faults }
}

const read = (source: SecretSource, namedIn: string, reader: SecretReader): string | Error => {
  if ('value' in source) return source.value
  if ('env' in source) return reader.env(source.env) ?? new Error(`the environment variable ${source.env} is not set`)
  try {
    return reader.file(source.file, namedIn).replace(/\r?\n$/, '')
  } catch {
    return new Error(`the file ${source.file} can't be read`)
  }
}
