import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { unprivilegedUser } from '@sallyport/embedded'
import { temporaryDir } from '@sallyport/testing'

/** An authority of the test's own, and a certificate of it for localhost whose key the user that runs PostgreSQL may read. */
export const makeCertificates = () => {
  const dir = temporaryDir('tls')
  mkdirSync(dir, { recursive: true })
  chmodSync(dir, 0o755)
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' })
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=Test authority')
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1')
  openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-copy_extensions', 'copy', '-out', 'server.crt')
  const key = path.join(dir, 'server.key')
  chmodSync(key, 0o600)
  const user = unprivilegedUser()
  if (process.getuid?.() === 0 && user !== undefined) chownSync(key, user.uid, user.gid)
  return { ca: readFileSync(path.join(dir, 'ca.crt'), 'utf8'), caFile: path.join(dir, 'ca.crt'), certFile: path.join(dir, 'server.crt'), keyFile: key }
}
