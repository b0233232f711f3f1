import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** In a process of its own, because each connection takes a file on both ends. */
const program = `
const net = require('node:net')
const [port, count, half] = process.argv.slice(1)
const sockets = []
let gone = 0
const open = () => new Promise((resolve, reject) => {
  const socket = net.connect({ port: Number(port), host: '127.0.0.1' })
  sockets.push(socket)
  socket.on('close', () => { gone += 1 })
  socket.once('error', reject)
  socket.once('connect', () => {
    socket.on('error', () => undefined)
    if (sockets.length % 2 === 0) socket.write(Buffer.from(half, 'hex'))
    resolve()
  })
})
const main = async () => {
  while (sockets.length < Number(count)) await Promise.all(Array.from({ length: Math.min(100, Number(count) - sockets.length) }, open))
  console.log('open')
  process.stdin.once('data', () => { console.log(gone); process.exit() })
}
main().catch((error) => { console.log(String(error)); process.exit(1) })
`

/** Opens connections that say nothing, or `half` of what they should. `leave` answers how many had been hung up on. */
export const openHalf = async (port: number, count: number, half: Buffer): Promise<{ leave(): Promise<number> }> => {
  const child = spawn(process.execPath, ['-e', program, String(port), String(count), half.toString('hex')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const said = async (): Promise<string> => String((await once(child.stdout, 'data'))[0]).trim()
  const first = await said()
  if (first !== 'open') throw new Error(`could not open them: ${first}`)
  return {
    leave: async () => {
      const last = said()
      child.stdin.write('leave')
      const gone = Number(await last)
      await once(child, 'exit')
      return gone
    },
  }
}
