import { Cursor, openFlags, typeOf, types } from './packets.js'

export type OnHandle = 'close' | 'fstat' | 'readdir' | 'fsync' | 'fstatvfs'
export type OnPath = 'stat' | 'lstat' | 'readlink' | 'realpath' | 'expand-path' | 'statvfs' | 'opendir' | 'remove' | 'rmdir' | 'mkdir' | 'setstat' | 'lsetstat'
export type OnPaths = 'rename' | 'posix-rename' | 'hardlink' | 'symlink'

/** A client's request; handles in Latin-1, `rest`: what follows the path as it came. */
export type Request =
  | { readonly kind: 'open'; readonly id: number; readonly path: string; readonly flags: number; readonly attributes: Buffer }
  | { readonly kind: 'read'; readonly id: number; readonly handle: string; readonly offset: bigint; readonly length: number }
  | { readonly kind: 'write'; readonly id: number; readonly handle: string; readonly offset: bigint; readonly data: Buffer }
  | { readonly kind: 'handle'; readonly id: number; readonly operation: OnHandle; readonly handle: string }
  | { readonly kind: 'fsetstat'; readonly id: number; readonly handle: string; readonly attributes: Buffer }
  | { readonly kind: 'path'; readonly id: number; readonly operation: OnPath; readonly path: string; readonly rest: Buffer }
  | { readonly kind: 'paths'; readonly id: number; readonly operation: OnPaths; readonly first: string; readonly second: string }
  | { readonly kind: 'limits'; readonly id: number }
  | { readonly kind: 'unknown'; readonly id: number; readonly name: string }

const nothing = Buffer.alloc(0)

const onHandle: Readonly<Record<number, OnHandle>> = { [types.close]: 'close', [types.fstat]: 'fstat', [types.readdir]: 'readdir' }
const onPath: Readonly<Record<number, OnPath>> = {
  [types.lstat]: 'lstat', [types.stat]: 'stat', [types.opendir]: 'opendir', [types.remove]: 'remove', [types.rmdir]: 'rmdir', [types.realpath]: 'realpath', [types.readlink]: 'readlink',
}
const onPathWithAttributes: Readonly<Record<number, OnPath>> = { [types.mkdir]: 'mkdir', [types.setstat]: 'setstat' }
const onPaths: Readonly<Record<number, OnPaths>> = { [types.rename]: 'rename', [types.symlink]: 'symlink' }

/** Extensions that are understood (OpenSSH's PROTOCOL, section 4), and the versions that clients are told of. */
export const extensions: ReadonlyMap<string, string> = new Map([
  ['posix-rename@openssh.com', '1'], ['hardlink@openssh.com', '1'], ['statvfs@openssh.com', '2'], ['fstatvfs@openssh.com', '2'], ['fsync@openssh.com', '1'], ['lsetstat@openssh.com', '1'],
  ['limits@openssh.com', '1'], ['expand-path@openssh.com', '1'],
])

const ALL_FLAGS = Object.values(openFlags).reduce((all, flag) => all | flag, 0)
const NAME = /^[\w.@-]{1,64}$/

const handleOf = (cursor: Cursor): string => cursor.string().toString('latin1')

const simpleRequest = (type: number, id: number, cursor: Cursor): Request => {
  const handle = onHandle[type]
  if (handle !== undefined) return { kind: 'handle', id, operation: handle, handle: handleOf(cursor) }
  const path = onPath[type]
  if (path !== undefined) return { kind: 'path', id, operation: path, path: cursor.path(), rest: nothing }
  const attributed = onPathWithAttributes[type]
  if (attributed !== undefined) return { kind: 'path', id, operation: attributed, path: cursor.path(), rest: cursor.attributes().bytes }
  const paths = onPaths[type]
  if (paths !== undefined) return { kind: 'paths', id, operation: paths, first: cursor.path(), second: cursor.path() }
  switch (type) {
    case types.open: {
      const path = cursor.path()
      const flags = cursor.uint32()
      const attributes = cursor.attributes().bytes
      return (flags & ~ALL_FLAGS) === 0 ? { kind: 'open', id, path, flags, attributes } : { kind: 'unknown', id, name: 'open with unknown flags' }
    }
    case types.read:
      return { kind: 'read', id, handle: handleOf(cursor), offset: cursor.uint64(), length: cursor.uint32() }
    case types.write:
      return { kind: 'write', id, handle: handleOf(cursor), offset: cursor.uint64(), data: cursor.string() }
    case types.fsetstat:
      return { kind: 'fsetstat', id, handle: handleOf(cursor), attributes: cursor.attributes().bytes }
    default:
      return { kind: 'unknown', id, name: `request ${type}` }
  }
}

const extendedRequest = (id: number, cursor: Cursor): Request => {
  const name = cursor.string().toString('latin1')
  switch (name) {
    case 'posix-rename@openssh.com':
      return { kind: 'paths', id, operation: 'posix-rename', first: cursor.path(), second: cursor.path() }
    case 'hardlink@openssh.com':
      return { kind: 'paths', id, operation: 'hardlink', first: cursor.path(), second: cursor.path() }
    case 'statvfs@openssh.com':
      return { kind: 'path', id, operation: 'statvfs', path: cursor.path(), rest: nothing }
    case 'expand-path@openssh.com':
      return { kind: 'path', id, operation: 'expand-path', path: cursor.path(), rest: nothing }
    case 'lsetstat@openssh.com':
      return { kind: 'path', id, operation: 'lsetstat', path: cursor.path(), rest: cursor.attributes().bytes }
    case 'fstatvfs@openssh.com':
      return { kind: 'handle', id, operation: 'fstatvfs', handle: handleOf(cursor) }
    case 'fsync@openssh.com':
      return { kind: 'handle', id, operation: 'fsync', handle: handleOf(cursor) }
    case 'limits@openssh.com':
      return { kind: 'limits', id }
    default:
      return { kind: 'unknown', id, name: NAME.test(name) ? name : 'an extension whose name can\'t be read' }
  }
}

/** What a client's packet after the first asks for. Throws a Refusal (`malformed`) when it is no SFTP packet. */
export const requestOf = (packet: Buffer): Request => {
  const cursor = new Cursor(packet)
  const id = cursor.uint32()
  const request = typeOf(packet) === types.extended ? extendedRequest(id, cursor) : simpleRequest(typeOf(packet), id, cursor)
  if (request.kind !== 'unknown') cursor.end()
  return request
}
