import { project, type Projectable } from './project.js'
import type { Change, CommandDraft, CommandPatch, CommandStatus, SessionDraft } from './changes.js'

interface Progress {
  lastSequence: number
  commands: number
  readonly firstPosition: number
  readonly firstTime: number
}

interface Ending {
  readonly status: 'closed' | 'lost'
  readonly at: number
  readonly reason: string
}

export interface ApprovalDraft {
  readonly session: string
  readonly command: string
  readonly status: string
  readonly version: number
}

export type Resolution = Extract<Change, { kind: 'resolution-recorded' }>

/** An event that is stored and not projected as it is. */
export interface Fault {
  readonly event: Projectable
  readonly reason: 'data' | 'nul'
  readonly detail: string
}

/**
 * What many events change together: a command that begins and ends among them is one row. Commands of before that are changed are
 * patches. Must be given the events of each session in their order.
 */
export interface Changeset {
  readonly opened: Map<string, SessionDraft>
  readonly endings: Map<string, Ending>
  readonly progress: Map<string, Progress>
  readonly commands: Map<string, CommandDraft>
  readonly patches: Map<string, CommandPatch & { readonly session: string }>
  readonly approvals: Map<string, ApprovalDraft>
  readonly resolutions: Resolution[]
  readonly faults: Fault[]
}

const unfinished = new Set<CommandStatus | undefined>([undefined, 'requested', 'held', 'released'])

/** Whether a command with this status is still waiting for its end. */
export const isUnfinished = (status: CommandStatus | undefined): boolean => unfinished.has(status)

const newChangeset = (): Changeset =>
  ({ opened: new Map(), endings: new Map(), progress: new Map(), commands: new Map(), patches: new Map(), approvals: new Map(), resolutions: [], faults: [] })

const apply = (set: Changeset, change: Change): void => {
  switch (change.kind) {
    case 'session-opened': return void (set.opened.has(change.session.id) || set.opened.set(change.session.id, change.session))
    case 'session-ended': return void set.endings.set(change.session, change)
    case 'command-requested': return void (set.commands.has(change.command.id) || set.commands.set(change.command.id, change.command))
    case 'command-changed': {
      // A command is its session's: nobody else can end it.
      const known = set.commands.get(change.command)?.session ?? set.patches.get(change.command)?.session
      if (known !== undefined && known !== change.session) return
      return void set.patches.set(change.command, { ...set.patches.get(change.command), ...change.patch, session: change.session })
    }
    case 'approval-changed': {
      const known = set.approvals.get(change.approval)
      if (known === undefined || known.version < change.version) set.approvals.set(change.approval, change)
      return
    }
    case 'resolution-recorded': return void set.resolutions.push(change)
    default: return change satisfies never
  }
}

const advance = (set: Changeset, event: Projectable, commands: number): void => {
  if (event.session === null) return
  const known = set.progress.get(event.session)
  if (known === undefined) {
    set.progress.set(event.session, { lastSequence: event.sequence, commands, firstPosition: event.position, firstTime: event.time })
    return
  }
  known.lastSequence = event.sequence
  known.commands += commands
}

/** Folds events into what they change together. Pure. */
export const foldEvents = (events: Iterable<Projectable>): Changeset => {
  const set = newChangeset()
  for (const event of events) {
    const projection = project(event)
    if (projection.kind === 'fault') {
      set.faults.push({ event, reason: 'data', detail: projection.detail })
      advance(set, event, 0)
      continue
    }
    let commands = 0
    for (const change of projection.changes) {
      if (change.kind === 'command-requested') {
        commands += 1
        if (change.command.statement.includes('\u0000')) set.faults.push({ event, reason: 'nul', detail: 'statement with U+0000, shown with \u2400 in its place' })
      }
      apply(set, change)
    }
    advance(set, event, commands)
  }
  return set
}
