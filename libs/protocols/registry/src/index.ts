import type { ProtocolDescriptor } from '@sallyport/protocol-kit'
import { postgres } from '@sallyport/protocol-postgres'

/** The list of protocols: the one place outside a protocol's folder that names it. */
export const protocols: readonly ProtocolDescriptor[] = [postgres]

export const protocolNamed = (name: string): ProtocolDescriptor | undefined => protocols.find((protocol) => protocol.name === name)
