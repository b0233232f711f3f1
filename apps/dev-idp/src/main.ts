import { configSchema } from './config.js'
import { startDevIdp } from './dev-idp.js'

const main = async (): Promise<void> => {
  const config = configSchema.parse(process.env)
  const idp = await startDevIdp({
    host: config.SALLYPORT_ISSUER_HOST,
    port: config.SALLYPORT_ISSUER_PORT,
    hosts: config.SALLYPORT_ISSUER_HOSTS,
    insecureBind: config.SALLYPORT_DEV_IDP_INSECURE_BIND,
    ...(config.SALLYPORT_ISSUER_URL === undefined ? {} : { issuer: config.SALLYPORT_ISSUER_URL }),
    ...(config.SALLYPORT_DATA_DIR === undefined ? {} : { dataDir: config.SALLYPORT_DATA_DIR }),
  })
  process.stdout.write(`${JSON.stringify({ level: 'info', service: 'dev-idp', issuer: idp.issuer, msg: 'started' })}\n`)
  const end = (): void => void idp.stop().then(() => process.exit(0))
  process.once('SIGTERM', end)
  process.once('SIGINT', end)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
