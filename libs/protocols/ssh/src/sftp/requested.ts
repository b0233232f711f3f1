import { openFlags, packetOf, types, type Field } from './packets.js'
import type { TransferAction, TransferEffect } from './operations.js'
import type { OnPath, OnPaths, Request } from './requests.js'

/** What a request on one path is, and what it becomes for the target. */
export interface PathRule {
  readonly action: TransferAction
  /** Whether a link at the path's end is followed. */
  readonly last: 'followed' | 'itself'
  readonly type: number
  /** Name of the extension, where it is one. */
  readonly extension?: string
  readonly answer?: number
  readonly changes?: boolean
  readonly direction?: 'download' | 'upload'
}

const look = { action: 'ssh.transfer.look', type: types.stat, answer: types.attrs } as const

export const pathRules: Readonly<Record<Exclude<OnPath, 'realpath' | 'expand-path'>, PathRule>> = {
  stat: { ...look, last: 'followed' },
  lstat: { ...look, last: 'itself', type: types.lstat },
  readlink: { ...look, last: 'itself', type: types.readlink, answer: types.name },
  statvfs: { ...look, last: 'followed', type: types.extended, extension: 'statvfs@openssh.com', answer: types.extendedReply },
  opendir: { action: 'ssh.transfer.list', last: 'followed', type: types.opendir, answer: types.handle },
  remove: { action: 'ssh.transfer.change', last: 'itself', type: types.remove, changes: true },
  rmdir: { action: 'ssh.transfer.change', last: 'itself', type: types.rmdir, changes: true },
  mkdir: { action: 'ssh.transfer', last: 'itself', type: types.mkdir, changes: true, direction: 'upload' },
  setstat: { action: 'ssh.transfer', last: 'followed', type: types.setstat, changes: true, direction: 'upload' },
  lsetstat: { action: 'ssh.transfer', last: 'itself', type: types.extended, extension: 'lsetstat@openssh.com', changes: true, direction: 'upload' },
}

/** The request for the path that was decided on. */
export const pathPacket = ({ type, extension }: PathRule, id: number, path: string, rest: Uint8Array): Buffer =>
  packetOf(type, id, ...(extension === undefined ? [] : [extension]), path, { raw: rest })

export const pairPacket = (operation: OnPaths, id: number, first: string, second: string): Buffer => {
  const fields: readonly Field[] = [first, second]
  switch (operation) {
    case 'rename':
      return packetOf(types.rename, id, ...fields)
    case 'symlink':
      return packetOf(types.symlink, id, ...fields)
    case 'posix-rename':
    case 'hardlink':
      return packetOf(types.extended, id, `${operation}@openssh.com`, ...fields)
    default:
      return operation satisfies never
  }
}

/** Which directions a file is opened for. Without `write` OpenSSH's server opens it for reading, and may create or empty it all the same. */
export const openMode = (flags: number): { readonly reads: boolean; readonly writes: boolean; readonly directory: false } => ({
  reads: (flags & openFlags.read) !== 0 || (flags & openFlags.write) === 0,
  writes: (flags & (openFlags.write | openFlags.append | openFlags.create | openFlags.truncate)) !== 0,
  directory: false,
})

export const openEffects = (path: string, requestedPath: string, { reads, writes }: { readonly reads: boolean; readonly writes: boolean }): readonly TransferEffect[] => {
  const shared = { action: 'ssh.transfer', operation: 'open', path, requestedPath } as const
  return [...(reads ? [{ ...shared, direction: 'download', reads } as const] : []), ...(writes ? [{ ...shared, direction: 'upload', writes } as const] : [])]
}

/** Of requests that fail without being understood. */
export const unknownEffect = (request: Extract<Request, { readonly kind: 'unknown' }>): TransferEffect => ({ action: 'ssh.transfer.unrecognised', operation: request.name })
