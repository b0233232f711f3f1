import { createHash } from 'node:crypto'
import type { Recognition } from '@sallyport/protocol-kit'

/** Texts beyond this many characters are kept by their digest only. */
const textCharsMax = 64 * 1024
/** What an entry costs besides its text and its recognition. */
const entryBytes = 200

interface Entry {
  readonly recognition: Recognition
  readonly bytes: number
}

type Settings = Readonly<Record<string, string>>

const heads = new WeakMap<Settings, string>()

/** Settings as JSON, which has no raw newline; made once per object, which is frozen so that it stays true. */
const headOf = (settings: Settings): string => {
  let head = heads.get(settings)
  if (head === undefined) {
    head = JSON.stringify(Object.entries(Object.freeze(settings)).sort(([one], [other]) => one < other ? -1 : 1))
    heads.set(settings, head)
  }
  return head
}

/** Injective: protocol (a name, so without a newline) and settings, then the text or its digest. */
export const cacheKey = (protocol: string, text: string, settings: Settings): string => {
  const head = `${protocol}\n${headOf(settings)}`
  return text.length <= textCharsMax ? `${head}\n=${text}` : `${head}\n#${createHash('sha256').update(text, 'utf16le').digest('base64')}`
}

/**
 * What texts meant, bounded in bytes, in two generations: a hit costs one look-up and moves nothing; when the young generation is full,
 * the old one goes, with what nobody asked for since.
 */
export class TextCache {
  private young = new Map<string, Entry>()
  private old = new Map<string, Entry>()
  private youngBytes = 0
  private oldBytes = 0

  constructor(private readonly bytesMax: number) {}

  get bytes(): number {
    return this.youngBytes + this.oldBytes
  }

  get(key: string): Recognition | undefined {
    const entry = this.young.get(key)
    if (entry !== undefined) return entry.recognition
    const aged = this.old.get(key)
    if (aged !== undefined) this.add(key, aged)
    return aged?.recognition
  }

  set(key: string, recognition: Recognition): void {
    const bytes = entryBytes + 2 * key.length + 4 * JSON.stringify(recognition).length
    if (bytes <= this.bytesMax / 4 && !this.young.has(key)) this.add(key, { recognition, bytes })
  }

  private add(key: string, entry: Entry): void {
    if (this.youngBytes + entry.bytes > this.bytesMax / 2) {
      this.old = this.young
      this.oldBytes = this.youngBytes
      this.young = new Map()
      this.youngBytes = 0
    }
    this.young.set(key, entry)
    this.youngBytes += entry.bytes
  }
}
