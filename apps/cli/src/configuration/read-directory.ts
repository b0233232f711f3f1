import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { CliError, exitStatus } from '../errors.js'
import type { ConfigurationFile } from './parse.js'

const FILES_MAX = 10_000
const FILE_BYTES_MAX = 4 * 1024 * 1024

/** Every `*.yaml`, `*.yml` and `*.cedar` below a directory, in order of their paths, named relative to it. Throws CliError when something can't be read. */
export const readDirectory = (dir: string): ConfigurationFile[] => {
  try {
    if (!statSync(dir).isDirectory()) throw new CliError(exitStatus.configuration, `${dir} is no directory: -f takes the directory that holds the configuration`)
    const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(ya?ml|cedar)$/.test(file) && statSync(path.join(dir, file)).isFile()).sort()
    if (files.length === 0) throw new CliError(exitStatus.configuration, `there is no *.yaml or *.cedar below ${dir}`)
    if (files.length > FILES_MAX) throw new CliError(exitStatus.configuration, `${dir} has more than ${FILES_MAX} files of configuration`)
    return files.map((file) => ({ path: file, text: read(path.join(dir, file)) }))
  } catch (cause) {
    if (cause instanceof CliError) throw cause
    throw new CliError(exitStatus.configuration, `the configuration can't be read: ${(cause as Error).message}`, {}, { cause })
  }
}

const read = (file: string): string => {
  if (statSync(file).size > FILE_BYTES_MAX) throw new CliError(exitStatus.configuration, `${file} is larger than ${FILE_BYTES_MAX} bytes`)
  return readFileSync(file, 'utf8')
}
