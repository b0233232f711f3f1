// Writes deploy/nats/nats.conf from the permissions in libs/contracts. Build first: node tools/build.mjs
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { shippedNatsConfig } from '@sallyport/embedded'

const file = path.join(import.meta.dirname, '../deploy/nats/nats.conf')
mkdirSync(path.dirname(file), { recursive: true })
writeFileSync(file, shippedNatsConfig())
