import type { ApplyReply } from '@sallyport/contracts/directory'
import { Option } from 'commander'
import { answer, type Definition } from '../command.js'
import { applyConfiguration, prepareConfiguration } from '../configuration/apply.js'
import { visible } from '../output/visible.js'

const signs = { create: '+', update: '~', delete: '-', none: ' ' } as const

/** A line for each object that changes, and how many stay as they are. */
export const differenceText = ({ differences }: ApplyReply): string => {
  const changes = differences.filter(({ change }) => change !== 'none')
  const same = differences.length - changes.length
  return changes.map(({ change, kind, name }) => `${signs[change]} ${visible(`${kind} ${name}`)} (${change})\n`).join('') + (same === 0 ? '' : `  ${same} as ${same === 1 ? 'it is' : 'they are'}\n`)
}

/** Nobody but the proxies can tell a rotated secret from the same one sealed again: say what was not done. */
const keptText = ({ differences }: ApplyReply, reseal: boolean): string =>
  !reseal && differences.some(({ kind, change }) => /^connection$/i.test(kind) && change === 'none') ? 'Secrets of connections that did not change were kept; after rotating one, apply with --reseal.\n' : ''

const summaryText = ({ change, dryRun, differences }: ApplyReply): string => {
  if (differences.every(({ change: kind }) => kind === 'none')) return 'Nothing to change.\n'
  if (dryRun) return 'Nothing was applied: this is a dry run.\n'
  return `Applied${change === null ? '' : `, as change ${change}`}.\n`
}

export const apply: Definition = {
  usage: 'apply',
  summary: 'apply a configuration directory: all of it or nothing',
  details: 'Reads every *.yaml and *.cedar below the directory, seals the secrets they name, prints the difference, and puts it in force. Needs the role admin.',
  examples: ['apply -f config', 'apply -f config --dry-run', 'apply -f config --prune'],
  options: [
    new Option('-f, --file <dir>', 'the directory').makeOptionMandatory(),
    new Option('--dry-run', 'only say what would change').default(false),
    new Option('--prune', 'remove what git manages and the directory no longer has').default(false),
    new Option('--reseal', 'send secrets again where nothing else changed: after a password was rotated, or the proxies\' keys were').default(false),
  ],
  run: async ({ context, options, json }) => {
    const api = context.api()
    const choice = { dir: options['file'] as string, prune: options['prune'] === true, reseal: options['reseal'] === true, dryRun: options['dryRun'] === true, env: context.config.env }
    const prepared = await context.waiting('reading the configuration', prepareConfiguration(api, choice))
    const planned = await context.waiting('comparing', applyConfiguration(api, prepared, { ...choice, dryRun: true }))
    if (!json) context.terminal.out(differenceText(planned))
    if (choice.dryRun || planned.differences.every(({ change }) => change === 'none')) return answer(planned, summaryText(planned) + keptText(planned, choice.reseal))
    const applied = await context.waiting('applying', applyConfiguration(api, prepared, choice))
    return answer(applied, summaryText(applied) + keptText(applied, choice.reseal))
  },
}
