import { Module, type DynamicModule } from '@nestjs/common'
import { INSTANCE } from '@sallyport/runtime'
import { AuditStore, SETTINGS, type AuditStoreSettings } from './audit-store.service.js'
import type { AuditStoreConfig } from './config.js'

@Module({})
export class AuditStoreModule {
  static of(config: AuditStoreConfig): DynamicModule {
    return {
      module: AuditStoreModule,
      providers: [
        AuditStore,
        { provide: SETTINGS, inject: [INSTANCE], useFactory: (instance: string): AuditStoreSettings => ({ config, instance }) },
      ],
    }
  }
}
