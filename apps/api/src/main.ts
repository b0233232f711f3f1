import { runService } from '@sallyport/runtime'
import { service } from './service.js'

await runService(service, process.env)
