import type { ClientProgram } from '@sallyport/protocol-kit'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/

/**
 * Environment of programs that are built on libpq (PostgreSQL 18, section 32.15). What would lead them elsewhere, or name a database that was
 * meant for another server, is taken away. Off loopback the server has to prove who it is; the arguments of a program can still say otherwise.
 */
export const libpqProgram: ClientProgram = ({ host, port }, connection, secret) => ({
  env: {
    PGHOST: host, PGPORT: String(port), PGUSER: connection, PGPASSWORD: secret,
    PGSSLMODE: LOOPBACK.test(host) ? 'prefer' : 'verify-full',
    PGHOSTADDR: undefined, PGSERVICE: undefined, PGDATABASE: undefined, PGREQUIREAUTH: undefined, PGCHANNELBINDING: undefined, PGSSLNEGOTIATION: undefined,
  },
})

export const clients = Object.fromEntries(['psql', 'pg_dump', 'pg_restore', 'pgbench', 'pg_isready', 'vacuumdb', 'reindexdb'].map((program) => [program, libpqProgram]))
