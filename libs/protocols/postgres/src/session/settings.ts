import type { StatementDetail } from '../recognition/index.js'
import { textCodec, type TextCodec } from '../encodings.js'

/** A search path that the recogniser takes as the worse case: built-in names may mean something else. */
const unknownSearchPath = 'pg_temp, pg_catalog'

/** Settings whose value changes how the target reads a text. */
const parseSettings: ReadonlySet<string> = new Set(['standard_conforming_strings', 'client_encoding', 'all', 'backslash_quote'])

/**
 * What the session knows of the target's settings: what it reports (ParameterStatus), and, for those it doesn't report, which statement set them last.
 */
export class Settings {
  readonly reported = new Map<string, string>()
  codec: TextCodec | undefined = textCodec('UTF8')
  /** For the recogniser; a new object whenever something in it changed. */
  forRecognition: Readonly<Record<string, string>> = {}
  private readonly setBy = new Map<string, string>()
  private uncertain = 0
  private exactCache: string | undefined

  report(name: string, value: string): void {
    this.reported.set(name, value)
    this.exactCache = undefined
    if (name === 'client_encoding') this.codec = textCodec(value)
    if (recogniserSettings.has(name)) this.forRecognition = { ...this.forRecognition, [name]: value }
  }

  /** The statement was forwarded: it sets what it says unless it fails. */
  assigned(detail: StatementDetail, text: string, harmless: boolean): void {
    for (const name of detail.sets ?? []) {
      this.exactCache = undefined
      if (name === 'all') this.setBy.clear()
      else this.setBy.set(name, text)
      if (!this.reported.has('search_path') && (name === 'search_path' || name === 'all')) {
        const { search_path: _, ...others } = this.forRecognition
        this.forRecognition = harmless || name === 'all' ? others : { ...others, search_path: unknownSearchPath }
      }
    }
  }

  /** The statement failed or its transaction was rolled back: what these settings are now is not known. `mark` is unguessable. */
  doubt(details: readonly StatementDetail[], mark: string): void {
    for (const detail of details) {
      for (const name of detail.sets ?? []) {
        this.exactCache = undefined
        this.uncertain += 1
        this.setBy.set(name, `${mark} ${this.uncertain}`)
        if (name === 'search_path' && !this.reported.has('search_path')) this.forRecognition = { ...this.forRecognition, search_path: unknownSearchPath }
      }
    }
  }

  /** Everything of the session that changes the meaning of a statement, as one text for the digest. */
  get exact(): string {
    this.exactCache ??= JSON.stringify([[...this.reported].filter(([name]) => !volatile.has(name)).sort(), [...this.setBy].sort()])
    return this.exactCache
  }

  static changesParsing(details: readonly StatementDetail[]): boolean {
    return details.some((detail) => detail.sets?.some((name) => parseSettings.has(name)) === true)
  }
}

/** What the recogniser wants to know. Not client_encoding: it is given text that was decoded already. */
const recogniserSettings: ReadonlySet<string> = new Set(['standard_conforming_strings', 'search_path', 'server_version'])

/** Reported, but without a meaning for statements. */
const volatile: ReadonlySet<string> = new Set(['application_name', 'in_hot_standby', 'server_version', 'scram_iterations'])
