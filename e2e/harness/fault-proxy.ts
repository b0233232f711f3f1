import net, { type AddressInfo, type Socket } from 'node:net'

const HEARD_BYTES_MAX = 64

/** A TCP relay on loopback that can be cut and mended: what lies behind it stays as it is. */
export const startFaultProxy = async (port: number) => {
  const sockets = new Set<Socket>()
  /** The first bytes that each client said, in the order they came. */
  const heard: Buffer[] = []
  let cut = false
  const server = net.createServer((client) => {
    if (cut) return void client.destroy()
    const upstream = net.connect(port, '127.0.0.1')
    const number = heard.push(Buffer.alloc(0)) - 1
    client.on('data', (chunk: Buffer) => {
      const former = heard[number]!
      if (former.length < HEARD_BYTES_MAX) heard[number] = Buffer.concat([former, chunk]).subarray(0, HEARD_BYTES_MAX)
    })
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(from)
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    cut: () => {
      cut = true
      for (const socket of sockets) socket.destroy()
    },
    mend: () => { cut = false },
    stop: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
