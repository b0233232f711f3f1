import type { Word as Parsed, WordPart } from 'unbash'
import type { Span, Word } from './model.js'

type Kind = Word['kind']

/** What one part of a word stands for; `text` is undefined where it is only known when it runs. */
const partText = (part: WordPart, depth: number): { readonly kind: Kind; readonly text: string } => {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return { kind: 'literal', text: part.value }
    case 'Glob':
      return part.parts === undefined || part.parts.every((inner) => inner.type === 'Literal') ? { kind: 'pattern', text: part.value } : { kind: 'dynamic', text: '' }
    case 'DoubleQuoted':
    case 'LocaleString':
      return depth > 0 ? joined(part.parts, depth - 1) : { kind: 'dynamic', text: '' }
    case 'SimpleExpansion':
    case 'ParameterExpansion':
    case 'CommandExpansion':
    case 'ArithmeticExpansion':
    case 'ProcessSubstitution':
    case 'ExtendedGlob':
    case 'BraceExpansion':
      return { kind: 'dynamic', text: '' }
  }
}

const joined = (parts: readonly WordPart[], depth: number): { readonly kind: Kind; readonly text: string } => {
  let kind: Kind = 'literal'
  let text = ''
  for (const part of parts) {
    const found = partText(part, depth)
    text += found.text
    if (found.kind === 'dynamic') return { kind: 'dynamic', text }
    if (found.kind === 'pattern') kind = 'pattern'
  }
  return { kind, text }
}

/** A parsed word; `span` is where it stands in the whole text. */
export const wordOf = (word: Parsed, span: Span): Word => {
  const { kind, text } = word.parts === undefined ? { kind: 'literal' as const, text: word.value } : joined(word.parts, 4)
  return { kind, text, source: word.text, span }
}
