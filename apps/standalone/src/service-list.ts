import type { RunningService, ServiceDefinition } from '@sallyport/runtime'

/** The services with a database of their own, in the order in which they start; they end in the opposite one. */
export const controlServices = ['audit-store', 'policy-decision', 'masking', 'approval', 'api'] as const
export type ControlServiceName = (typeof controlServices)[number]
export type ServiceName = ControlServiceName | 'connection-proxy'

/** Each app is loaded when it is wanted only: with --processes this process runs none of them. */
const loaders: Readonly<Record<ServiceName, () => Promise<{ readonly service: unknown }>>> = {
  'audit-store': () => import('@sallyport/audit-store'),
  'policy-decision': () => import('@sallyport/policy-decision'),
  masking: () => import('@sallyport/masking'),
  approval: () => import('@sallyport/approval'),
  api: () => import('@sallyport/api'),
  'connection-proxy': () => import('@sallyport/connection-proxy'),
}

const BROKEN_STATUS = 70

export const startInThisProcess = async (name: ServiceName, env: Readonly<Record<string, string>>): Promise<RunningService> => {
  const [{ startService }, { service }] = await Promise.all([import('@sallyport/runtime'), loaders[name]()])
  return startService(service as ServiceDefinition, env, {
    onBroken: ({ why }) => {
      process.stderr.write(`sallyport: ${name}: ${why}; it can't be mended within this process, which ends: start it again (with --processes it is started again by itself)\n`)
      process.exit(BROKEN_STATUS)
    },
  })
}
