import type { Assignment, SimpleCommand, Word } from './model.js'

/** How a program takes the command it runs. */
export type WrapperName = string

/**
 * One program that a text is known to start, directly or through another program. `sudo rm x` is two: `sudo`, and `rm` with `via: ['sudo']`.
 */
export interface Run {
  /** Name without its directory; undefined when only known when it runs. */
  readonly program: string | undefined
  /** As invoked, when that has a slash. */
  readonly programPath: string | undefined
  readonly args: readonly Word[]
  /** The command of the text that it comes from: its redirections are the outermost program's. */
  readonly command: SimpleCommand
  readonly assignments: readonly Assignment[]
  readonly via: readonly string[]
  readonly privileged: boolean
  /** It runs on another host than the connection's target. */
  readonly remote: boolean
  /** More arguments are added when it runs (xargs, find -exec). */
  readonly appended: boolean
  /** It runs a program or code that can't be known from the text. */
  readonly opaque: boolean
  /** What it runs was found and is judged by itself. */
  readonly unfolded: boolean
}

/** Literal text of a word; undefined when it isn't known. */
export const literal = (word: Word | undefined): string | undefined => word?.kind === 'literal' ? word.text : undefined

/** The name of a program without its directory. */
export const nameOf = (invoked: string): string => invoked.slice(invoked.lastIndexOf('/') + 1)
