import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { CliError, exitStatus } from '../errors.js'

const loginSchema = z.object({ issuer: z.string(), accessToken: z.string(), expiresAt: z.iso.datetime() })
const fileSchema = z.object({ current: z.string(), logins: z.record(z.string(), loginSchema) })
export type Login = z.infer<typeof loginSchema>
/** Log-ins by the API they are for: a token goes nowhere else. `current` is the last one. */
export type SessionFile = z.infer<typeof fileSchema>

const nameOf = (stateDir: string): string => path.join(stateDir, 'session.json')

export const readSessionFile = (stateDir: string): SessionFile | undefined => {
  const name = nameOf(stateDir)
  let text: string
  try {
    text = readFileSync(name, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CliError(exitStatus.failed, `${name} can't be read: ${(cause as Error).message}`, {}, { cause })
  }
  try {
    return fileSchema.parse(JSON.parse(text))
  } catch {
    // Its content is not repeated: it holds tokens.
    throw new CliError(exitStatus.failed, `${name} is damaged: remove it and log in again`)
  }
}

/** Adds a log-in. The file appears whole, and for its owner only. */
export const saveLogin = (stateDir: string, api: string, login: Login): void => {
  const logins = { ...readSessionFile(stateDir)?.logins, [api]: login }
  mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  const name = nameOf(stateDir)
  const partial = `${name}.${process.pid}`
  writeFileSync(partial, `${JSON.stringify({ current: api, logins } satisfies SessionFile, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(partial, name)
}
