import path from 'node:path'
import type { DemoCast, DemoChapter } from '@sallyport/protocol-kit/demo'
import { agentClient } from './agent-client.js'
import { makeKey, startBuildHost } from './build-host.js'
import { configurationFor, CONNECTION, KEY_VARIABLE } from './configuration.js'
import { play } from './story.js'

/** What SSH adds to the demo: an agent on a host, with the real ssh. */
export const chapter: DemoChapter = {
  title: 'The same agent on a host, with the real ssh',
  introduction: 'It registers a key of its own with its token; the key that the host lets in is the gateway\'s alone.',
  checks: 11,
  prepare: async (env) => {
    const host = await startBuildHost()
    return {
      connections: [CONNECTION],
      configuration: configurationFor(host),
      env: { [KEY_VARIABLE]: host.key },
      play: async (cast: DemoCast) => {
        await cast.agent.post('/v1/credentials', { connection: CONNECTION, publicKey: makeKey(path.join(host.desk, 'key')) })
        const agent = agentClient(host.desk, CONNECTION, cast.listener, env)
        try {
          await play(cast, host, agent)
        } finally {
          await agent.end()
        }
      },
      explain: ({ host: address, port }) => [
        './sallyport credential build-host --public-key ~/.ssh/id_ed25519.pub',
        `ssh -p ${port} ${CONNECTION}@${address} cat ${host.shop}/config.env`,
      ].join('\n'),
      stop: () => host.stop(),
    }
  },
}
