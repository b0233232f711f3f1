import pg from 'pg'
import { createScanner, scanDatabase, scanDirectory, type Finding } from './scan.js'

/** Secrets by what they are called. */
export type Planted = Map<string, string>

/** Where any of them is in the control database, column by column and recordings inflated, or in NATS's files. */
export const scanWhatIsLeft = async (planted: Planted, databaseUrl: string, natsDir: string): Promise<string[]> => {
  const scanner = createScanner(Object.fromEntries(planted))
  const control = new pg.Client({ connectionString: databaseUrl })
  await control.connect()
  try {
    await scanDatabase(control, scanner)
    scanDirectory(natsDir, scanner)
  } finally {
    await control.end()
  }
  return scanner.findings.map(described)
}

/** The same for the files of a directory. */
export const scanLogs = (logDir: string, planted: Readonly<Record<string, string>>): string[] => {
  const scanner = createScanner(planted)
  scanDirectory(logDir, scanner)
  return scanner.findings.map(described)
}

const described = ({ secret, form, where }: Finding): string => `${secret} (${form}) in ${where}`
