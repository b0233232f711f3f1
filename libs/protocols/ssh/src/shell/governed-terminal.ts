import { Refusal, type MaskPlan, type Ticket } from '@sallyport/protocol-kit'
import type { OutputFilter, RelayOptions } from '../channels/relay.js'
import type { ChannelRequest, Terminal, WindowSize } from '../channels/request.js'
import { refusalLine, withoutControls } from '../errors.js'
import { limits } from '../limits.js'
import { lineOf } from '../recognition/index.js'
import type { Conversation } from '../session/conversation.js'
import { Drawing } from './drawing.js'
import { exitOf, type ShellEnd } from './governed-script.js'
import { Keyboard } from './keyboard.js'
import { typing } from './keystrokes.js'
import { recogniseLine, runLine, withoutSecrets } from './line-command.js'
import { emptyLine, press, textOf, type EditedLine } from './line-editor.js'
import { Screen } from './screen.js'
import type { ShellState } from './shell-state.js'

export interface GovernedOptions {
  readonly ticket: Ticket
  readonly plan: MaskPlan
  /** As the client asked for it. */
  readonly terminal: Terminal
  readonly home: string | undefined
}

type Read = { readonly kind: 'line'; readonly text: string } | { readonly kind: 'cancelled'; readonly text: string } | { readonly kind: 'ended' }

const PASTE_ON = '\x1b[?2004h'
const PASTE_OFF = '\x1b[?2004l'
const CLEAR = '\x1b[H\x1b[2J'
const BELL = '\x07'
/** Before what continues a line. */
const CONTINUED = '> '
const INTERRUPTED = 130
const DEFAULT_COLUMNS = 80
const DEFAULT_ROWS = 24
const COLUMNS_MIN = 10

/** A person's governed shell: prompt, line, decision, output, until it ends. */
export class GovernedTerminal {
  private readonly keyboard: Keyboard
  private readonly screen: Screen
  private readonly drawing: Drawing
  private history: readonly string[] = []
  /** Each line of it as it may be recorded. */
  private recordedHistory: readonly string[] = []
  private drawn: (() => void) | undefined
  private terminal: Terminal
  /** The size goes to what runs. */
  private resizeCommand: ((size: WindowSize) => void) | undefined

  constructor(
    private readonly conversation: Conversation,
    private readonly request: ChannelRequest,
    private readonly options: GovernedOptions,
  ) {
    this.terminal = { ...options.terminal, cols: options.terminal.cols || DEFAULT_COLUMNS, rows: options.terminal.rows || DEFAULT_ROWS }
    this.keyboard = new Keyboard(request.channel, request.signal)
    this.screen = new Screen(conversation.host, options.ticket, options.plan, request.outflow)
    this.drawing = new Drawing(Math.max(COLUMNS_MIN, this.terminal.cols))
    this.screen.resized(this.terminal.cols, this.terminal.rows)
    request.onResize = (size) => this.resize(size)
  }

  async run(start: ShellState): Promise<ShellEnd> {
    let state = start
    const { signal } = this.request
    while (!signal.aborted) {
      const read = await this.readCommand(state)
      if (read.kind === 'ended') {
        this.screen.say('exit')
        break
      }
      if (read.kind === 'cancelled') {
        state = { ...state, status: INTERRUPTED }
        continue
      }
      const line = lineOf(read.text)
      if (line.state === 'complete' && line.empty) {
        this.screen.typed(read.text)
        continue
      }
      const builtins = line.state === 'complete' ? line.builtins : undefined
      const exit = exitOf(builtins)
      if (exit !== undefined) {
        this.screen.typed(read.text)
        return { status: exit.status ?? state.status, bytesOut: this.screen.bytesOut }
      }
      if (builtins?.length === 1 && builtins[0]?.kind === 'history') {
        this.screen.typed(read.text)
        this.remember(read.text, read.text)
        this.showHistory()
        state = { ...state, status: 0 }
        continue
      }
      state = await this.runCommand(state, read.text, { changesShell: line.state === 'invalid' || (line.state === 'complete' && line.changesShell), reads: builtins === undefined })
    }
    return { status: state.status, bytesOut: this.screen.bytesOut }
  }

  private remember(text: string, recorded: string): void {
    if (text.startsWith(' ') || this.history.at(-1) === text) return
    this.history = [...this.history, text].slice(-limits.shellHistoryMax)
    this.recordedHistory = [...this.recordedHistory, recorded].slice(-limits.shellHistoryMax)
  }

  private showHistory(): void {
    const row = (text: string, index: number): string => `${String(index + 1).padStart(5)}  ${text.replaceAll('\n', '\r\n       ')}`
    this.history.forEach((text, index) => this.screen.sayHiding(row(text, index), row(this.recordedHistory[index]!, index)))
  }

  // ---- reading

  /** Lines until they are a whole command. What was typed is recorded by whoever acts on it. */
  private async readCommand(state: ShellState): Promise<Read> {
    let text = ''
    for (;;) {
      const prompt = text === '' ? this.promptOf(state) : CONTINUED
      if (text === '') {
        this.screen.startRow()
        this.screen.prompt(prompt)
      }
      const read = await this.readLine(prompt)
      if (read.kind === 'ended') return text === '' ? read : { kind: 'line', text }
      if (read.kind === 'cancelled') {
        // Nobody has looked for secrets in what was not finished.
        this.screen.typed('^C')
        return read
      }
      text = text === '' ? read.text : `${text}\n${read.text}`
      if (lineOf(text).state !== 'incomplete') return { kind: 'line', text }
      if (text.length > limits.shellLineBytesMax) return { kind: 'line', text }
    }
  }

  private async readLine(prompt: string): Promise<Read> {
    const { drawing, screen } = this
    let line = emptyLine(this.history)
    const draw = (): void => screen.echo(drawing.draw({ prompt: promptFor(prompt, line), before: line.before, after: line.after }))
    drawing.begin()
    screen.echo(PASTE_ON)
    draw()
    this.drawn = draw
    try {
      for (;;) {
        const key = await this.keyboard.key()
        if (key === undefined || this.request.signal.aborted) return textOf(line) === '' ? { kind: 'ended' } : { kind: 'line', text: textOf(line) }
        const edit = press(line, key, this.history, limits.shellLineBytesMax)
        switch (edit.kind) {
          case 'edited':
            line = edit.line
            draw()
            break
          case 'clear-screen':
            line = edit.line
            screen.echo(CLEAR)
            drawing.begin()
            draw()
            break
          case 'bell':
            screen.echo(BELL)
            break
          case 'entered':
            line = edit.line
            return { kind: 'line', text: textOf(line) }
          case 'cancelled':
            screen.echo('^C')
            return { kind: 'cancelled', text: textOf(line) }
          case 'ended':
            return { kind: 'ended' }
          default:
            edit satisfies never
        }
        await screen.whenRoom()
      }
    } finally {
      this.drawn = undefined
      screen.echo(`${drawing.leave()}${PASTE_OFF}`)
    }
  }

  private promptOf({ directory }: ShellState): string {
    const { conversation: { username, connection }, options: { home } } = this
    const shown = directory === undefined ? '?' : home !== undefined && home.length > 1 && (directory === home || directory.startsWith(`${home}/`)) ? `~${directory.slice(home.length)}` : directory
    return `${username}@${connection}:${withoutControls(shown)}$ `
  }

  private resize(size: WindowSize): void {
    this.terminal = { ...this.terminal, cols: size.cols || DEFAULT_COLUMNS, rows: size.rows || DEFAULT_ROWS, height: size.height, width: size.width }
    this.screen.resized(this.terminal.cols, this.terminal.rows)
    this.drawing.resize(Math.max(COLUMNS_MIN, this.terminal.cols))
    this.drawn?.()
    this.resizeCommand?.(size)
  }

  // ---- running

  private async runCommand(state: ShellState, text: string, { changesShell, reads }: { readonly changesShell: boolean; readonly reads: boolean }): Promise<ShellState> {
    const { conversation, keyboard, screen, request } = this
    const withdrawn = new AbortController()
    let held = false
    keyboard.onInterrupt(() => withdrawn.abort(new Refusal('hold-expired', 'the command was withdrawn')))
    const recognition = await recogniseLine(conversation, state, true, text)
    const recorded = withoutSecrets(text, recognition)
    this.remember(text, recorded)
    screen.typed(recorded.replaceAll('\n', `\n${CONTINUED}`))
    const signal = AbortSignal.any([request.signal, withdrawn.signal])
    const asker: ChannelRequest = { ...request, terminal: this.terminal, signal, onSignal: () => undefined, onResize: () => undefined }
    request.onSignal = (name) => asker.onSignal(name)
    this.resizeCommand = (size) => asker.onResize(size)
    const { ran, state: next, tooMuch } = await runLine(conversation, {
      text, recognition, changesShell, state, asker, input: 'stream',
      onHeld: (notice) => {
        held = true
        screen.say(`${notice.text} Ctrl-C withdraws it.`)
      },
      begins: (report) => {
        if (held) keyboard.forget()
        return { input: keyboard.forCommand(reads), ...this.streams(report) }
      },
    })
    this.resizeCommand = undefined
    request.onSignal = () => undefined
    keyboard.done()
    if (ran.kind === 'refused') this.refused(ran.refusal, withdrawn.signal.aborted)
    if (tooMuch) screen.say('Sallyport: this line left more variables than are kept; they are as before.')
    return withdrawn.signal.aborted ? { ...state, status: INTERRUPTED } : next
  }

  private refused(refusal: Refusal, withdrawn: boolean): void {
    this.screen.startRow()
    if (withdrawn) this.screen.say('^C')
    this.screen.refuse(refusalLine(refusal))
  }

  /** Everything that is seen goes into the one recording of the terminal. */
  private streams(report: OutputFilter | undefined): Partial<RelayOptions> {
    const { conversation: { host, options }, options: { ticket, plan }, screen } = this
    const typed = typing(host, ticket, plan, options.keystrokes)
    const seen = screen.watching(report)
    const { filter } = typed
    return {
      recording: ticket, typed: typed.typed,
      filter: filter === undefined ? seen : { write: (chunk) => filter.write(seen.write(chunk)), end: () => filter.write(seen.end()) },
    }
  }
}

const promptFor = (prompt: string, { search }: EditedLine): string => (search === undefined ? prompt : `(search) '${search}': `)
