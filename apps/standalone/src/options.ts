import { parseArgs } from 'node:util'

export interface UpOptions {
  readonly config?: string
  readonly data?: string
  readonly readyFile?: string
  readonly processes: boolean
}

export const usage = `Usage: ./sallyport up [--config DIR] [--data DIR] [--ready-file FILE] [--processes]

  --config DIR       apply every *.yaml and *.cedar below DIR
  --data DIR         keep state there between runs (default: thrown away at the end)
  --ready-file FILE  write the endpoints as JSON there when everything answers
  --processes        run each service as a process of its own
`

/** Throws on an unknown option or an argument too many. */
export const readOptions = (args: readonly string[]): UpOptions | 'help' => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string' }, data: { type: 'string' }, 'ready-file': { type: 'string' },
      processes: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  return {
    processes: values.processes,
    ...(values.config === undefined ? {} : { config: values.config }),
    ...(values.data === undefined ? {} : { data: values.data }),
    ...(values['ready-file'] === undefined ? {} : { readyFile: values['ready-file'] }),
  }
}
