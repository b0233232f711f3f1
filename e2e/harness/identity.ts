import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/** A real issuer on loopback: discovery, keys, and tokens signed with them. */
export const startIssuer = async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'ES256', use: 'sig' }
  const server = http.createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url === '/.well-known/openid-configuration') response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/jwks` }))
    else response.end(JSON.stringify({ keys: [jwk] }))
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const token = (subject: string, groups: readonly string[], claims: Record<string, unknown> = {}, expires = '1h'): Promise<string> =>
    new SignJWT({ groups, ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'test' }).setIssuer(url).setAudience('sallyport').setSubject(subject).setIssuedAt().setExpirationTime(expires).sign(privateKey)
  return { url, token, stop: () => server.close() }
}
