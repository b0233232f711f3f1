import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { EmbeddedServerError } from './errors.js'

export interface SystemUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

const CANDIDATES = ['postgres', 'nobody']

/** PostgreSQL refuses to run as root: as root, the user it runs as instead. Undefined for everybody else. */
export const unprivilegedUser = (): SystemUser | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'))
  for (const name of CANDIDATES) {
    const entry = users.find((fields) => fields[0] === name)
    if (entry !== undefined) return { name, uid: Number(entry[2]), gid: Number(entry[3]) }
  }
  throw new EmbeddedServerError('no-unprivileged-user', 'PostgreSQL does not run as root, and neither the user "postgres" nor "nobody" exists: add one, or start this as an ordinary user')
}

/** Whether that user can get to a path: every directory above it must let him through. */
export const canReach = (user: SystemUser | undefined, target: string): boolean =>
  user === undefined || spawnSync('/bin/sh', ['-c', 'test -e "$1"', 'sh', target], { uid: user.uid, gid: user.gid, cwd: '/' }).status === 0
