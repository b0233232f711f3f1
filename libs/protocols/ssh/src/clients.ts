import type { ClientEndpoint, ClientProgram } from '@sallyport/protocol-kit'

/** One name for the gateway's host key, wherever it listens. */
const alias = ({ host, port }: ClientEndpoint): string => `sallyport-${host}-${port}`

/**
 * Options and environment of OpenSSH's programs (9 or later). They take no password from the environment: they ask a program, with the question as its
 * argument. `printenv` answers it from a variable that is named like the question, so that the secret is in no file and no argument.
 */
const options = (endpoint: ClientEndpoint, connection: string): readonly string[] => [
  `HostName=${endpoint.host}`, `Port=${endpoint.port}`, `User=${connection}`, `HostKeyAlias=${alias(endpoint)}`, 'StrictHostKeyChecking=accept-new', 'PubkeyAuthentication=no', 'PreferredAuthentications=password',
  'NumberOfPasswordPrompts=1',
].flatMap((option) => ['-o', option])

const environment = (endpoint: ClientEndpoint, connection: string, secret: string): Readonly<Record<string, string | undefined>> => ({
  SSH_ASKPASS: 'printenv', SSH_ASKPASS_REQUIRE: 'force', [`${connection}@${alias(endpoint)}'s password: `]: secret,
})

/** `ssh`: the connection is the host, and what follows are options and the command. */
const sshProgram: ClientProgram = (endpoint, connection, secret) => ({ env: environment(endpoint, connection, secret), args: [...options(endpoint, connection), connection] })

/** `scp` and `sftp`: the connection's name stands for the host in their arguments. */
const transferProgram: ClientProgram = (endpoint, connection, secret) => ({ env: environment(endpoint, connection, secret), args: options(endpoint, connection) })

export const clients: Readonly<Record<string, ClientProgram>> = { ssh: sshProgram, scp: transferProgram, sftp: transferProgram }
