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

/** What texts meant, least recently used first out, bounded in bytes. */
export class TextCache {
  private readonly entries = new Map<string, Entry>()
  private held = 0

  constructor(private readonly bytesMax: number) {}

  get bytes(): number {
    return this.held
  }

  get(key: string): Recognition | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined) return undefined
    this.entries.delete(key)
    this.entries.set(key, entry)
    return entry.recognition
  }

  set(key: string, recognition: Recognition): void {
    const bytes = entryBytes + 2 * key.length + 4 * JSON.stringify(recognition).length
    if (bytes > this.bytesMax / 4) return
    this.drop(key)
    this.entries.set(key, { recognition, bytes })
    this.held += bytes
    for (const oldest of this.entries.keys()) {
      if (this.held <= this.bytesMax) break
      this.drop(oldest)
    }
  }

  private drop(key: string): void {
    const entry = this.entries.get(key)
    if (entry === undefined) return
    this.entries.delete(key)
    this.held -= entry.bytes
  }
}
