import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { ConfigurationFile } from './parse.js'

/** Every `*.yaml`, `*.yml` and `*.cedar` below a directory, in order of their paths, named relative to it. Throws when it can't be read. */
export const readDirectory = (dir: string): ConfigurationFile[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ya?ml|cedar)$/.test(file))
    .sort()
    .map((file) => ({ path: file, text: readFileSync(path.join(dir, file), 'utf8') }))
