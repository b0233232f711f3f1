/** What the demo prints: plain where it is not a terminal, or where NO_COLOR asks for it. */
export interface Screen {
  title(text: string): void
  note(text: string): void
  step(number: number, text: string): void
  says(who: 'agent' | 'approver' | 'target' | 'gateway', text: string): void
  checked(text: string): void
  failed(text: string): void
  plain(text: string): void
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const
const voices = { agent: 'cyan', approver: 'magenta', target: 'blue', gateway: 'yellow' } as const

export const createScreen = (output: NodeJS.WriteStream, coloured: boolean): Screen => {
  const paint = (style: keyof typeof codes, text: string): string => (coloured ? `\u001b[${codes[style]}m${text}\u001b[0m` : text)
  const line = (text: string): void => void output.write(`${text}\n`)
  const indented = (text: string, prefix: string): string => text.trimEnd().split('\n').map((each) => `${prefix}${each}`).join('\n')
  return {
    title: (text) => line(`\n${paint('bold', text)}`),
    note: (text) => line(paint('dim', indented(text, '  '))),
    step: (number, text) => line(`\n${paint('bold', `${number}. ${text}`)}`),
    says: (who, text) => line(indented(text, `  ${paint(voices[who], who.padEnd(8))} ${paint('dim', '│')} `)),
    checked: (text) => line(`  ${paint('green', '✓')} ${text}`),
    failed: (text) => line(`  ${paint('red', '✗')} ${text}`),
    plain: (text) => line(indented(text, '  ')),
  }
}
