import { Option, type Command } from 'commander'
import type { Context } from './context.js'

/** What a command came to: an answer to print, a text that was printed as it came, or another program's exit status. */
export type Outcome =
  | { readonly kind: 'answer'; readonly value: unknown; readonly text: string }
  | { readonly kind: 'printed' }
  | { readonly kind: 'ended'; readonly status: number }

export interface Call {
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, unknown>>
  readonly json: boolean
  readonly context: Context
}

export interface Definition {
  /** Name and arguments, as help shows them: `replay <id>`. */
  readonly usage: string
  readonly summary: string
  readonly details?: string
  readonly examples: readonly string[]
  /** Runs when its parent is called without a name. */
  readonly isDefault?: boolean
  /** Arguments and options after the first argument belong to the program that is run. */
  readonly passesOn?: boolean
  readonly options?: readonly Option[]
  run(call: Call): Promise<Outcome>
}

export const answer = (value: unknown, text: string): Outcome => ({ kind: 'answer', value, text })

export const examplesText = (examples: readonly string[]): string => `\nExamples:\n${examples.map((line) => `  $ sallyport ${line}\n`).join('')}`

/** Adds a command to its parent. All of them take `--json`. */
export const addCommand = (parent: Command, context: Context, ended: (status: number) => void, definition: Definition): void => {
  const command = parent.command(definition.usage, { isDefault: definition.isDefault ?? false }).summary(definition.summary)
    .description(definition.details === undefined ? definition.summary : `${definition.summary}\n\n${definition.details}`)
    .addHelpText('after', examplesText(definition.examples))
  for (const option of definition.options ?? []) command.addOption(option)
  command.option('--json', 'machine-readable output; errors as JSON on standard error')
  if (definition.passesOn === true) command.passThroughOptions().allowUnknownOption()
  command.action(async () => {
    const options: Record<string, unknown> = command.optsWithGlobals()
    const json = options['json'] === true
    const outcome = await definition.run({ args: command.processedArgs.flat().filter((arg): arg is string => arg !== undefined), options, json, context })
    switch (outcome.kind) {
      case 'answer': return context.terminal.out(json ? `${JSON.stringify(outcome.value, undefined, 2)}\n` : outcome.text)
      case 'printed': return
      case 'ended': return ended(outcome.status)
      default: outcome satisfies never
    }
  })
}
