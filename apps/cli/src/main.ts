import { protocols } from '@sallyport/protocols'
import { readConfig } from './config.js'
import { runCommandLine } from './program.js'

// Whoever reads the output may stop before its end: that is no failure (`sallyport replay … | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

process.exitCode = await runCommandLine({
  args: process.argv.slice(2),
  config: readConfig(process.env),
  terminal: {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    watched: process.stderr.isTTY === true,
  },
  protocols,
})
