import net from 'node:net'

/** A TCP port that was free on 127.0.0.1 a moment ago. Whoever binds it must be ready for somebody else having been quicker. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = net.createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as net.AddressInfo
      probe.close(() => resolve(port))
    })
  })
