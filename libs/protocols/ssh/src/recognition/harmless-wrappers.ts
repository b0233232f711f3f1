import { type Rule, always, options } from './harmless-rules.js'
import { harmlessVariable } from './harmless-programs.js'

const beforeCommand = (rule: Rule, operands: RegExp): Rule => (args) => rule(args) && args.every(({ kind, text }) => kind === 'literal' && (text.startsWith('-') || operands.test(text)))

const envRule: Rule = (args) => args.every(({ kind, text }, index) => {
  if (kind !== 'literal') return false
  if (text === '-i' || text === '-u' || args[index - 1]?.text === '-u') return true
  const [name = '', value] = text.split(/=(.*)/s)
  return value !== undefined && harmlessVariable(name, value)
})

/** Options with which a shell does nothing but read the text it is given. */
const shellRule: Rule = (args) => args.every(({ kind, text }, index) => kind === 'literal'
  && (/^-[celu]+$/.test(text) || /^(?:--login|--norc|--noprofile|--posix)$/.test(text) || (text === '--' && index === args.length - 1) || (text === '-o' || /^-[celu]+o$/.test(text)) || (text === 'pipefail' && /^-[celu]*o$/.test(args[index - 1]?.text ?? ''))))

/**
 * Programs that run another one and do nothing else, by the arguments before its name: what they run decides then.
 * Not listed on purpose: what changes who or where it runs (sudo, chroot, ssh), and nohup (may write nohup.out).
 */
export const harmlessWrappers: Readonly<Record<string, Rule>> = {
  command: always,
  builtin: always,
  env: envRule,
  nice: beforeCommand(options({ flags: '0123456789', valued: 'n', longs: ['--adjustment='] }), /^-?\d+$/),
  ionice: beforeCommand(options({ flags: 't', valued: 'cn' }), /^\d$/),
  timeout: beforeCommand(options({ flags: 'v', valued: 'ks', longs: ['--foreground', '--preserve-status', '--kill-after=', '--signal=', '--verbose'] }), /^(?:[\d.]+[smhd]?|[A-Z0-9]+)$/),
  stdbuf: beforeCommand(options({ valued: 'ioe', longs: ['--input=', '--output=', '--error='] }), /^(?:L|\d+[KMG]?)$/),
  xargs: beforeCommand(options({ flags: '0rtx', valued: 'nLPIdsE', longs: ['--null', '--no-run-if-empty', '--max-args=', '--max-procs=', '--delimiter=', '--verbose'] }), /^/),
  find: always,
  sh: shellRule, bash: shellRule, dash: shellRule,
}
