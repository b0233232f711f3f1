import { type Redirection as ParsedRedirection, type ParsedScript, type SyntaxNode, type Word as ParsedWord, forEachChild, parse as parseBash } from 'unbash'
import { Coverage } from './coverage.js'
import type { Assignment, Parsed, Redirection, ShellText, SimpleCommand, Span, Word } from './model.js'
import { wordOf } from './words.js'

/** Levels of the syntax tree that are followed; deeper texts are unrecognised. */
const levelsMax = 300
/** Nodes of the syntax tree that are followed. */
const nodesMax = 200_000
/** Commands in one text. */
export const commandsMax = 2000

class TooMuchError extends Error {
  readonly code = 'shell_text_too_complex'
}
class SyntaxProblemError extends Error {
  readonly code = 'shell_syntax'
}

/** Where a node stands: within which text its offsets count, and what its surroundings mean for a command. */
interface Place {
  /** The span of the whole text that stands for every offset below, where those count in a text of their own (nested backquotes). */
  readonly within: Span | undefined
  readonly level: number
  readonly background: boolean
  readonly piped: boolean
  readonly inShell: boolean
  /** Within `[[ ]]`, where extended patterns are always on. */
  readonly inTest: boolean
  readonly coverage: Coverage
}

interface Found {
  readonly commands: SimpleCommand[]
  readonly functions: string[]
  readonly coverages: Coverage[]
  nodes: number
  openHereDocument: boolean
}

const spanOf = (node: { readonly pos: number; readonly end: number }, place: Place): Span => place.within ?? [node.pos, node.end]

const word = (node: ParsedWord, place: Place): Word => wordOf(node, spanOf(node, place))

const directions: Readonly<Record<string, Redirection['kind']>> = { '<': 'read', '>': 'write', '>>': 'write', '>|': 'write', '<>': 'both', '&>': 'write', '&>>': 'write' }

const redirectionOf = (node: ParsedRedirection, place: Place, found: Found): Redirection => {
  if (node.type === 'HereDoc') {
    if (node.closing === undefined) found.openHereDocument = true
    const whole = node.delimiter?.quoted === true || node.body.parts === undefined || node.body.parts.every(({ type }) => type === 'Literal')
    return { kind: 'text', operator: node.operator, target: undefined, bodySpan: spanOf(node.body, place), ...(whole && !/[\\]/.test(node.delimiter?.quoted === true ? '' : node.body.text) ? { body: node.body.text } : {}) }
  }
  const target = node.target === undefined ? undefined : word(node.target, place)
  if (node.type === 'HereString') return { kind: 'text', operator: node.operator, target, ...(target?.kind === 'literal' ? { body: target.text } : {}) }
  const copies = (node.operator === '>&' || node.operator === '<&') && target?.kind === 'literal' && /^(?:\d+-?|-)$/.test(target.text)
  const kind = copies ? 'duplicate' : directions[node.operator] ?? (node.operator === '<&' ? 'read' : 'write')
  return { kind, operator: node.operator, target }
}

const add = (found: Found, place: Place, at: number, parts: Partial<Pick<SimpleCommand, 'words' | 'assignments' | 'redirections' | 'construct'>>): void => {
  if (found.commands.length >= commandsMax) throw new TooMuchError(`the text has more than ${commandsMax} commands`)
  found.commands.push({
    words: [], assignments: [], redirections: [], construct: false, background: place.background, piped: place.piped, inShell: place.inShell && !place.background,
    at: place.within?.[0] ?? at, ...parts,
  })
}

const addConstruct = (found: Found, place: Place, node: { readonly pos: number; readonly end: number }, name: string, args: readonly Word[] = []): void => {
  const span = spanOf(node, place)
  add(found, place, node.pos, { construct: true, words: [{ kind: 'literal', text: name, source: name, span: [span[0], span[0]] }, ...args] })
}

type CommandNode = Extract<SyntaxNode, { type: 'Command' }>

const addCommand = (node: CommandNode, place: Place, found: Found): void => {
  const assignments: Assignment[] = []
  const words: Word[] = node.name === undefined ? [] : [word(node.name, place)]
  for (const item of [...node.prefix, ...node.suffix]) {
    if (item.type === 'Word') words.push(word(item, place))
    else if (item.type === 'Assignment') {
      const value = item.value.type === 'Word' && item.index === undefined && item.append !== true ? word(item.value, place) : undefined
      // What follows a command such as `export` is its argument, too.
      if (node.prefix.includes(item as never)) assignments.push({ name: item.name, value, span: spanOf(item, place) })
      else words.push(assignmentWord(item.text, value, item.name, spanOf(item, place)))
    }
  }
  add(found, place, node.pos, { words, assignments, redirections: node.redirects.map((item) => redirectionOf(item, place, found)) })
}

const assignmentWord = (source: string, value: Word | undefined, name: string, span: Span): Word =>
  ({ kind: value?.kind ?? 'dynamic', text: `${name}=${value?.text ?? ''}`, source, span })

const checkForm = (source: string): void => {
  if (/^\$\{(?:[\s|]|$)/.test(source)) throw new SyntaxProblemError('a form of substitution that only the newest bash reads')
}

/** Adds what the node itself runs; answers how its children stand. Undefined: they are as the node. */
const enter = (node: SyntaxNode, place: Place, found: Found): Place => {
  switch (node.type) {
    case 'Script':
      if ((node as ParsedScript).errors?.length) throw new SyntaxProblemError((node as ParsedScript).errors?.[0]?.message)
      place.coverage.between('list', node, node.commands)
      return place
    case 'CompoundList':
      place.coverage.between('list', node, node.commands)
      return place
    case 'HereDoc':
      place.coverage.leaveOut(node.body.pos, node.closing?.end ?? node.body.end)
      return place
    case 'Statement':
      return node.background === true ? { ...place, background: true } : place
    case 'Command':
      place.coverage.between('command', node, [...node.prefix, ...(node.name === undefined ? [] : [node.name]), ...node.suffix])
      addCommand(node, place, found)
      return place
    case 'Redirected':
      add(found, place, node.pos, { redirections: node.redirects.map((item) => redirectionOf(item, place, found)) })
      return place
    case 'Function':
      found.functions.push(word(node.name, place).text)
      addConstruct(found, place, node, 'function', [word(node.name, place)])
      return place
    case 'Pipeline':
      if (node.commands.length === 0) throw new SyntaxProblemError('a negation of nothing')
      return place
    case 'TestCommand':
      addConstruct(found, place, node, '[[')
      return { ...place, inTest: true }
    case 'ArithmeticCommand':
    case 'ArithmeticFor':
      addConstruct(found, place, node, '((')
      return place
    case 'Coproc':
      addConstruct(found, place, node, 'coproc')
      return { ...place, background: true, inShell: false }
    case 'Subshell':
      return { ...place, inShell: false }
    case 'ParameterExpansion':
      checkForm(node.text)
      // `${x@P}` and `${!x}` evaluate what a variable holds.
      if (node.operation?.type === 'Transform' || node.prefix === '!') addConstruct(found, place, node, '${')
      return place
    case 'ExtendedGlob':
      // bash reads it where `extglob` is set, zsh as a pattern whose parentheses can hold code; others not at all.
      if (!place.inTest) throw new SyntaxProblemError('an extended pattern, which shells read differently')
      return place
    case 'ArithmeticExpansion':
      addConstruct(found, place, node, '$((')
      return place
    case 'CommandExpansion':
    case 'ProcessSubstitution': {
      checkForm(node.text)
      const inner: Place = { ...place, inShell: false, piped: false, inTest: false }
      if (node.type !== 'CommandExpansion' || node.script?.source === undefined) return inner
      const coverage = new Coverage(node.script.source)
      found.coverages.push(coverage)
      return { ...inner, within: spanOf(node, place), coverage }
    }
    default:
      return place
  }
}

const visit = (node: SyntaxNode, outer: Place, found: Found): void => {
  found.nodes += 1
  if (outer.level > levelsMax || found.nodes > nodesMax) throw new TooMuchError('the text is nested too deeply')
  const place = enter(node, { ...outer, level: outer.level + 1 }, found)
  const piped = node.type === 'Pipeline' && node.commands.length > 1
  let index = 0
  forEachChild(node, (child) => {
    const isPart = piped && child.type !== 'Time' && child.type !== 'Negation'
    visit(child, isPart ? { ...place, inShell: false, piped: index > 0 } : place, found)
    if (isPart) index += 1
  })
  if ((node.type === 'CommandExpansion' || node.type === 'ProcessSubstitution') && node.script === undefined) throw new SyntaxProblemError('a substitution that can\'t be read')
}

/** What a message of the parser says without quoting the text, which may hold data. */
const withoutQuotes = (message: string): string => message.replace(/unexpected token '[\s\S]*'/, 'unexpected token').slice(0, 200)

/** Reads a text as bash does. Anything that isn't understood to its end is a problem. `within`: where the text stands in another one. */
export const parse = (text: string, within?: Span): Parsed => {
  const coverage = new Coverage(text)
  const coverages = [coverage]
  const found: Found = { commands: [], functions: [], coverages, nodes: 0, openHereDocument: false }
  try {
    visit(parseBash(text), { within, level: 0, background: false, piped: false, inShell: true, inTest: false, coverage }, found)
    if (coverages.some((each) => !each.isWhole())) return { kind: 'problem', problem: 'something in it that can\'t be read' }
  } catch (error) {
    if (error instanceof SyntaxProblemError || error instanceof TooMuchError) return { kind: 'problem', problem: withoutQuotes(error.message) }
    if (error instanceof RangeError) return { kind: 'problem', problem: 'the text is nested too deeply' }
    throw error
  }
  const shell: ShellText = { commands: found.commands, functions: found.functions, openHereDocument: found.openHereDocument }
  return { kind: 'shell', shell }
}
