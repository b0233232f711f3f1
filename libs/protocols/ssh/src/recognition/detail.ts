/** What the session needs of a text beyond its effects. Structured-cloneable. */
export interface ShellDetail {
  readonly kind: 'shell'
  /** Commands in the text, those within substitutions and arguments included. */
  readonly commandCount: number
  /** The text is the target's end of a file transfer and nothing else. */
  readonly transfer?: {
    readonly tool: 'scp' | 'rsync' | 'git' | 'sftp'
    readonly direction?: 'download' | 'upload'
    readonly paths: readonly string[]
  }
  /** The text's own shell may be another one after it: another directory, variables, options, functions. */
  readonly changesShell: boolean
}
