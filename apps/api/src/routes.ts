import { approvalRoutes } from './handlers/approvals.js'
import { auditRoutes } from './handlers/audit.js'
import { directoryRoutes } from './handlers/directory.js'
import { ownRoutes } from './handlers/own.js'
import { ruleRoutesOfAll } from './handlers/rules.js'
import { route, type Route } from './http/route.js'
import { openApi } from './http/open-api.js'

/** Everything that the API answers, with who may ask for it; there is no other door. The runtime adds /healthz, /readyz and /metrics. */
export const routes: readonly Route[] = [
  ...ownRoutes,
  ...directoryRoutes,
  ...ruleRoutesOfAll,
  ...approvalRoutes,
  ...auditRoutes,
  route({ method: 'GET', path: '/v1/openapi.json', access: 'public', summary: 'This description', handle: () => ({ body: document(), status: 200 }) }),
]

let made: object | undefined
const document = (): object => (made ??= openApi(routes))
