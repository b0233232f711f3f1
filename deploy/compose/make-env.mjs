// Prints the variables that docker-compose.yml wants, with new passwords and keys.
import { randomBytes } from 'node:crypto'
import { generateSealingKey } from '@sallyport/sealing'

const services = ['AUDIT_STORE', 'POLICY_DECISION', 'MASKING', 'APPROVAL', 'API']
// A letter first: nats-server would take what looks like a number for one.
const password = () => `p${randomBytes(24).toString('hex')}`
const sealing = await generateSealingKey()

const variables = {
  POSTGRES_PASSWORD: password(),
  ...Object.fromEntries([...services, 'PROXY_1'].map((name) => [`NATS_PASSWORD_${name}`, password()])),
  ...Object.fromEntries(services.map((name) => [`DATABASE_PASSWORD_${name}`, password()])),
  SALLYPORT_SEALING_KEYS: JSON.stringify({ keys: [sealing.publicKey] }),
  SALLYPORT_PROXY_KEYS: JSON.stringify({ keys: [sealing.privateKey] }),
  SALLYPORT_DIGEST_KEY: randomBytes(32).toString('base64'),
}
for (const [name, value] of Object.entries(variables)) process.stdout.write(`${name}='${value}'\n`)
