import net, { type AddressInfo, type Socket } from 'node:net'

/** A TCP relay on loopback that can be cut and mended: what lies behind it stays as it is. */
export const startFaultProxy = async (port: number) => {
  const sockets = new Set<Socket>()
  let cut = false
  const server = net.createServer((client) => {
    if (cut) return void client.destroy()
    const upstream = net.connect(port, '127.0.0.1')
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
