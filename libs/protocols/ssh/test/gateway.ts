import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { sealingContext, type Connection } from '@sallyport/contracts/directory'
import { seal } from '@sallyport/sealing'
import { freePort } from '@sallyport/testing'
import ssh2, { type Client, type ConnectConfig } from 'ssh2'
import { Platform } from '../../../../e2e/harness/platform.js'
import { newDir, type Sshd } from './sshd.js'

export interface Target {
  readonly port: number
  readonly username: string
  readonly kind?: 'password' | 'private-key' | 'certificate-authority'
  readonly secret: string
}

/** The platform with an SSH listener. */
export class Gateway {
  private constructor(
    readonly platform: Platform,
    readonly port: number,
    private readonly dir: string,
  ) {}

  static async start(proxyEnv: Record<string, string> = {}): Promise<Gateway> {
    const port = await freePort()
    const dir = newDir('ssh-client')
    const platform = await Platform.start({ proxyEnv: { SALLYPORT_SSH_PORT: String(port), ...proxyEnv } })
    // OpenSSH's client asks a program for the password where it has no terminal.
    writeFileSync(path.join(dir, 'askpass'), '#!/bin/sh\nprintf "%s\\n" "$SECRET"\n')
    chmodSync(path.join(dir, 'askpass'), 0o700)
    return new Gateway(platform, port, dir)
  }

  stop(): Promise<void> {
    return this.platform.stop()
  }

  async connect(name: string, to: Target, options: Record<string, unknown>, more: Partial<Connection['spec']> = {}): Promise<void> {
    const { platform } = this
    const kind = to.kind ?? 'private-key'
    const target = { host: '127.0.0.1', port: to.port, tls: 'disable' as const }
    const sealed = await seal(to.secret, [platform['sealingKey'].publicKey], sealingContext(name, target as never, { username: to.username, kind }))
    platform.connections.set(name, {
      name, labels: { environment: 'test' }, managedBy: 'api', revision: (platform.connections.get(name)?.revision ?? 0) + 1,
      spec: { protocol: 'ssh', target, credentials: { username: to.username, kind, sealed }, durability: 'stored', recording: { results: 65536, output: 65536 }, options, ...more },
    } as Connection)
  }

  connectTo(name: string, sshd: Sshd, options: Record<string, unknown> = {}): Promise<void> {
    return this.connect(name, { port: sshd.port, username: sshd.username, secret: sshd.userKey }, { hostKeys: [sshd.hostKey], ...options })
  }

  /** Arguments and environment of OpenSSH's programs. */
  openssh(secret: string, args: readonly string[]): { readonly args: readonly string[]; readonly env: Record<string, string> } {
    return {
      args: [
        '-F', 'none', '-o', 'StrictHostKeyChecking=accept-new', '-o', `UserKnownHostsFile=${this.dir}/known_hosts`, ...(args.some((arg) => arg.startsWith('LogLevel')) ? [] : ['-o', 'LogLevel=ERROR']), '-o', 'PreferredAuthentications=password', '-o', 'NumberOfPasswordPrompts=1',
        '-o', 'PubkeyAuthentication=no', '-o', `Port=${this.port}`, ...args,
      ],
      env: { PATH: process.env['PATH'] ?? '', HOME: this.dir, SECRET: secret, SSH_ASKPASS: path.join(this.dir, 'askpass'), SSH_ASKPASS_REQUIRE: 'force' },
    }
  }

  spawn(secret: string, args: readonly string[], program = 'ssh'): ChildProcess {
    const { args: all, env } = this.openssh(secret, args)
    return spawn(program, all, { env, stdio: ['pipe', 'pipe', 'pipe'] })
  }

  /** A connection by the library's client, for what OpenSSH's doesn't do. Rejects as it does. */
  client(config: ConnectConfig): Promise<Client> {
    const client = new ssh2.Client()
    return new Promise((resolve, reject) => {
      client.once('ready', () => resolve(client))
      client.on('error', reject)
      client.connect({ host: '127.0.0.1', port: this.port, strictVendor: false, ...config })
    })
  }

  /** Runs OpenSSH's client to its end. Without `input` its stdin ends at once. */
  async ssh(secret: string, args: readonly string[], input: Buffer | string = ''): Promise<Ended> {
    const child = this.spawn(secret, args)
    child.stdin!.on('error', () => undefined)
    child.stdin!.end(input)
    return ended(child)
  }
}

export interface Ended {
  readonly code: number | null
  readonly out: Buffer
  readonly err: string
}

export const ended = (child: ChildProcess): Promise<Ended> => new Promise((resolve, reject) => {
  const out: Buffer[] = []
  let err = ''
  child.stdout!.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr!.on('data', (chunk: Buffer) => { err += chunk.toString() })
  child.once('error', reject)
  child.once('close', (code) => resolve({ code, out: Buffer.concat(out), err }))
})

export const POLICIES = `
@id("agents-connect") permit (principal in Group::"ai-agents", action in Action::"connect", resource);
@id("agents-read") permit (principal in Group::"ai-agents", action in Action::"read", resource);
@id("agents-execute") permit (principal in Group::"ai-agents", action in Action::"execute", resource) unless { context has program && context.program == "rm" };
@id("touch-needs-a-person") @approval("dba") @expires("1m") @reason("Files are made with a second pair of eyes.")
forbid (principal in Group::"ai-agents", action in Action::"execute", resource) when { context has program && context.program == "touch" };
`

/** Runs a command by the library's client to its end. */
export const execOn = (client: Client, command: string): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> => new Promise((resolve, reject) => {
  client.exec(command, (error, channel) => {
    if (error !== undefined) return reject(error)
    let out = ''
    let err = ''
    channel.on('data', (chunk: Buffer) => { out += chunk.toString() })
    channel.stderr.on('data', (chunk: Buffer) => { err += chunk.toString() })
    channel.on('close', (code: number | null) => resolve({ code, out, err }))
    return undefined
  })
})
