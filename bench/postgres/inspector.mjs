// Node's own inspector in a running process: garbage collection before memory is read, CPU profiles under load.
const call = (socket) => {
  let last = 0
  const waiting = new Map()
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error } = JSON.parse(data)
    const waiter = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) waiter?.resolve(result)
    else waiter?.reject(new Error(error.message))
  })
  return (method, params = {}) => new Promise((resolve, reject) => {
    last += 1
    waiting.set(last, { resolve, reject })
    socket.send(JSON.stringify({ id: last, method, params }))
  })
}

const DEFAULT_PORT = 9229

/** Opens the inspector of a Node process by SIGUSR1. One process at a time: they all take the same port. */
export const inspect = async (pid) => {
  process.kill(pid, 'SIGUSR1')
  const deadline = performance.now() + 10_000
  for (;;) {
    const [target] = await fetch(`http://127.0.0.1:${DEFAULT_PORT}/json/list`).then((answer) => answer.json(), () => [])
    if (target !== undefined) {
      const socket = new WebSocket(target.webSocketDebuggerUrl)
      await new Promise((resolve, reject) => {
        socket.addEventListener('open', resolve)
        socket.addEventListener('error', () => reject(new Error('the inspector refused')))
      })
      const send = call(socket)
      return {
        send,
        close: async () => {
          // Closes the port too; the answer doesn't come then.
          void send('Runtime.evaluate', { expression: 'setTimeout(() => process.getBuiltinModule("node:inspector").close(), 10)' }).catch(() => undefined)
          await new Promise((resolve) => { setTimeout(resolve, 200) })
          socket.close()
        },
      }
    }
    if (performance.now() > deadline) throw new Error(`process ${pid} does not open its inspector`)
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
}

