import type { ProtocolDescriptor } from '@sallyport/protocol-kit'

/** The list of protocols: the one place outside a protocol's folder that names it. */
export const protocols: readonly ProtocolDescriptor[] = []

export const protocolNamed = (name: string): ProtocolDescriptor | undefined => protocols.find((protocol) => protocol.name === name)
