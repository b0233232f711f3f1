import { RE2JS } from 're2js'
import type { Span } from './detectors/span.js'

/** Instructions of a compiled pattern: bounds the work for each character. */
const PROGRAM_SIZE_MAX = 2000
/**
 * Long texts are searched window by window, because finding *all* matches of some patterns costs the whole rest of the text for each
 * match. Matches of up to the overlap's length are found wherever they are.
 */
const WINDOW_CHARS = 4096
const OVERLAP_CHARS = 1024
/** More matches than this in one window, and the whole window is hidden. */
const WINDOW_MATCHES_MAX = 256
const CACHE_MAX = 1000

const compiled = new Map<string, RE2JS>()

/** Throws an Error that says what is wrong with the pattern. */
const compile = (pattern: string): RE2JS => {
  const known = compiled.get(pattern)
  if (known !== undefined) return known
  const program = RE2JS.compile(pattern)
  if (program.programSize() > PROGRAM_SIZE_MAX) throw new Error(`the pattern compiles to ${program.programSize()} instructions, ${PROGRAM_SIZE_MAX} are allowed: lower its repetition counts`)
  if (program.matches('')) throw new Error('the pattern matches the empty text, so it says nothing')
  if (compiled.size >= CACHE_MAX) compiled.clear()
  compiled.set(pattern, program)
  return program
}

/** What is wrong with a user's pattern, or undefined. RE2 syntax (linear time): no back-references, no look-around. */
export const patternFault = (pattern: string): string | undefined => {
  try {
    compile(pattern)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const searchWindow = (program: RE2JS, text: string, from: number, found: Span[]): void => {
  const piece = text.length <= WINDOW_CHARS ? text : text.slice(from, from + WINDOW_CHARS)
  const matcher = program.matcher(piece)
  for (let matches = 0; matcher.find(); matches += 1) {
    if (matches === WINDOW_MATCHES_MAX) {
      found.push({ from, to: from + piece.length })
      return
    }
    if (matcher.end() > matcher.start()) found.push({ from: from + matcher.start(), to: from + matcher.end() })
  }
}

/** Makes a detector of a user's pattern. Throws when the pattern is not valid. */
export const customDetector = (pattern: string): ((text: string, found: Span[]) => void) => {
  const program = compile(pattern)
  return (text, found) => {
    for (let from = 0; ; from += WINDOW_CHARS - OVERLAP_CHARS) {
      searchWindow(program, text, from, found)
      if (from + WINDOW_CHARS >= text.length) return
    }
  }
}
