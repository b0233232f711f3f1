import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { protocols } from '@sallyport/protocols'
import { ConfigurationError } from '@sallyport/runtime'
import type { Logger } from 'pino'

/**
 * The private keys by which this gateway is known to clients, for each protocol that has such: read from the directory, or made there.
 * Throws ConfigurationError when they can neither be read nor written.
 */
export const serverKeys = (directory: string | undefined, logger: Logger): ReadonlyMap<string, readonly string[]> =>
  new Map(protocols.flatMap(({ name, serverKeyMakers }) => {
    if (serverKeyMakers === undefined) return []
    if (directory !== undefined) return [[name, keysIn(directory, name, serverKeyMakers)] as const]
    logger.warn({ protocol: name }, 'SALLYPORT_SERVER_KEYS_DIR is not set: this gateway has new host keys after each start, and clients will not trust them')
    return [[name, Object.values(serverKeyMakers).map((make) => make())] as const]
  }))

const keysIn = (directory: string, protocol: string, makers: Readonly<Record<string, () => string>>): readonly string[] => {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return Object.entries(makers).map(([name, make]) => keptOr(path.join(directory, `${protocol}-${name}.pem`), make))
  } catch (cause) {
    throw new ConfigurationError(`SALLYPORT_SERVER_KEYS_DIR: the keys in ${directory} can't be read or written`, { cause })
  }
}

/** What the file holds already, else what is made, written whole or not at all: several proxies may start at once and must agree. */
const keptOr = (file: string, make: () => string): string => {
  if (existsSync(file)) return readFileSync(file, 'utf8')
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, make(), { mode: 0o600 })
  try {
    linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    unlinkSync(draft)
  }
  return readFileSync(file, 'utf8')
}
