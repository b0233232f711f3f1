import type { ProtocolDescriptor } from '@sallyport/protocol-kit'
import { postgres } from '@sallyport/protocol-postgres'
import { ssh } from '@sallyport/protocol-ssh'

/** The list of protocols: the one place outside a protocol's folder that names it. */
export const protocols: readonly ProtocolDescriptor[] = [postgres, ssh]

export const protocolNamed = (name: string): ProtocolDescriptor | undefined => protocols.find((protocol) => protocol.name === name)
