import type { Fault } from '@sallyport/contracts/change'
import { isScalar, LineCounter, parseAllDocuments, type Document } from 'yaml'
import type { z } from 'zod'

/** One YAML document of a configuration file that has a kind, a name and a spec. */
export interface ConfigurationObject {
  readonly kind: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>> | undefined
  readonly spec: unknown
  readonly file: string
  /** Line of the document's first key, from 1. */
  readonly line: number
  /** Line of the value at a path, or of the nearest one above it that exists. */
  lineOf(path: readonly PropertyKey[]): number
}

const API_VERSION = 'sallyport/v1'
const KEYS = ['apiVersion', 'kind', 'metadata', 'spec']
const METADATA_KEYS = ['name', 'labels']
/** YAML aliases can blow up: none of our files needs many. */
const ALIASES_MAX = 50

const TEXT_CHARACTERS_MAX = 1024 * 1024

/** Splits a file into its objects. Never throws: what is wrong is a fault with its line, and the rest of the file is still read. */
export const readDocuments = (file: string, text: string): { objects: ConfigurationObject[]; faults: Fault[] } => {
  const counter = new LineCounter()
  const faults: Fault[] = []
  const objects: ConfigurationObject[] = []
  if (text.length > TEXT_CHARACTERS_MAX) return { objects, faults: [{ file, line: 1, message: `the file is too large: at most ${TEXT_CHARACTERS_MAX} characters` }] }
  for (const document of parseAllDocuments(text, { lineCounter: counter, prettyErrors: false, logLevel: 'error' }) as Document.Parsed[]) {
    const problems = [...document.errors, ...document.warnings].slice(0, PROBLEMS_SHOWN)
    for (const { pos, message } of problems) faults.push({ file, line: counter.linePos(pos[0]).line, column: counter.linePos(pos[0]).col, message })
    if (problems.length > 0 || document.contents === null || (isScalar(document.contents) && document.contents.value === null)) continue
    const object = objectOf(file, document, counter, faults)
    if (object !== undefined) objects.push(object)
  }
  return { objects, faults }
}

/** What is wrong with a document often makes more of it look wrong. */
const PROBLEMS_SHOWN = 20

const valueOf = (document: Document.Parsed): { readonly value: unknown } | { readonly problem: string } => {
  try {
    return { value: document.toJS({ maxAliasCount: ALIASES_MAX }) }
  } catch (error) {
    return { problem: error instanceof RangeError ? 'nests too deep' : `can't be read: ${(error as Error).message}` }
  }
}

const objectOf = (file: string, document: Document.Parsed, counter: LineCounter, faults: Fault[]): ConfigurationObject | undefined => {
  const lineOf = (path: readonly PropertyKey[]): number => {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = (length === 0 ? document.contents : document.getIn(path.slice(0, length) as unknown[], true)) as { range?: [number, number, number] | null } | undefined
      if (node?.range) return counter.linePos(node.range[0]).line
    }
    return 1
  }
  const fault = (field: string, message: string): undefined => void faults.push({ file, line: lineOf(field.split('.')), field, message })
  const read = valueOf(document)
  if ('problem' in read) return fault('', read.problem)
  const { value } = read
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fault('', 'a document is a mapping with apiVersion, kind, metadata and spec')
  const { apiVersion, kind, metadata, spec, ...rest } = value as Record<string, unknown>
  for (const key of Object.keys(rest)) fault(key, `unknown field; a document has ${KEYS.join(', ')}`)
  if (apiVersion !== API_VERSION) return fault('apiVersion', `must be "${API_VERSION}"`)
  if (typeof kind !== 'string') return fault('kind', 'is missing')
  if (typeof metadata !== 'object' || metadata === null) return fault('metadata', 'is missing; it holds the name')
  const { name, labels, ...more } = metadata as Record<string, unknown>
  for (const key of Object.keys(more)) fault(`metadata.${key}`, `unknown field; metadata has ${METADATA_KEYS.join(' and ')}`)
  if (typeof name !== 'string') return fault('metadata.name', 'is missing; it must be text')
  if (spec === undefined) return fault('spec', 'is missing')
  return { kind, name, labels: labels as Record<string, string> | undefined, spec, file, line: lineOf(['kind']), lineOf }
}

/** Checks a value that came from an object against a schema; every issue becomes a fault with the line of its field. */
export const checked = <S extends z.ZodType>(schema: S, value: unknown, object: ConfigurationObject, under: readonly string[], faults: Fault[]): z.output<S> | undefined => {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  for (const issue of parsed.error.issues) {
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys : [undefined]
    for (const key of unknown) {
      const path = [...under, ...issue.path, ...(key === undefined ? [] : [key])]
      faults.push({ file: object.file, line: object.lineOf(path), field: path.map(String).join('.'), message: key === undefined ? issue.message : 'unknown field' })
    }
  }
  return undefined
}
