import type { MessagePort } from 'node:worker_threads'
import type { ProtocolDescriptor } from '@sallyport/protocol-kit'
import type { RecogniseRequest, WorkerMessage } from './worker-messages.js'

/** A parser's own memory grows with the largest text it met (to hundreds of megabytes) and never shrinks: after such a text the thread goes. */
const spentCharsMin = 64 * 1024

/** The worker's side: loads every protocol's recogniser, says so, then answers one text after the other. */
export const serveRecognition = async (port: MessagePort, protocols: readonly ProtocolDescriptor[]): Promise<void> => {
  const send = (message: WorkerMessage): void => port.postMessage(message)
  for (const protocol of protocols) await protocol.loadRecogniser()
  const byName = new Map(protocols.map((protocol) => [protocol.name, protocol]))
  port.on('message', ({ id, protocol, text, settings }: RecogniseRequest) => {
    try {
      const descriptor = byName.get(protocol)
      if (descriptor === undefined) throw new Error(`no protocol ${protocol}`)
      const recognition = descriptor.recognise(text, settings)
      send({ kind: 'recognised', id, recognition, spent: text.length >= spentCharsMin })
    } catch {
      // What it says could quote the text; that it broke is all the host needs.
      send({ kind: 'broke', id })
    }
  })
  send({ kind: 'ready' })
}
