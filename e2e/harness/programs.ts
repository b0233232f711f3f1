import { spawn } from 'node:child_process'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const PROGRAM_TIMEOUT_MS = 60_000

/** Runs a real client program to its end. */
export const runProgram = (program: string, args: readonly string[], env: Record<string, string>, input = ''): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, timeout: PROGRAM_TIMEOUT_MS, killSignal: 'SIGKILL' })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => { out += chunk.toString('latin1') })
    child.stderr.on('data', (chunk: Buffer) => { err += chunk.toString('latin1') })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err }))
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
