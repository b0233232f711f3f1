import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { listIssuers, lookUpConnection, lookUpParties, rememberOfTarget, verifyCredential } from '@sallyport/contracts/directory'
import { RpcError } from '@sallyport/contracts/rpc'
import type { Bus, Stop } from '@sallyport/messaging'
import { BUS } from '@sallyport/runtime'
import type { Credentials } from '../credentials/credentials.js'
import { CREDENTIALS, DIRECTORY, LEARNED } from '../tokens.js'
import type { Directory } from './directory.js'
import type { Learned } from './learned.js'

/** Answers the other services' look-ups, by a directory that was verified against the database within the last second. */
@Injectable()
export class DirectoryEndpoints implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stops: Stop[] = []

  constructor(
    @Inject(BUS) private readonly bus: Bus,
    @Inject(DIRECTORY) private readonly directory: Directory,
    @Inject(CREDENTIALS) private readonly credentials: Credentials,
    @Inject(LEARNED) private readonly learned: Learned,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { bus, directory } = this
    await directory.set.start()
    this.stops.push(
      bus.serve(lookUpConnection, ({ name }) => {
        const connection = directory.view().connections.get(name)
        if (connection === undefined) throw new RpcError('not-found', 'there is no connection of this name')
        return connection
      }),
      bus.serve(listIssuers, () => ({ issuers: [...directory.view().issuers] })),
      bus.serve(lookUpParties, ({ parties }) => ({ parties: directory.view().parties(parties) })),
      bus.serve(rememberOfTarget, async (request) => ({ value: await this.learned.remember(request) })),
      bus.serve(verifyCredential, ({ sha256, connection }) => this.credentials.verify(sha256, connection)),
    )
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.stops.splice(0).map((stop) => stop()))
    await this.directory.set.stop()
  }
}
