import { MalformedFrame } from '../codec/malformed.js'

/** The target sent something that nobody asked for. */
export const unexpected = (type: number): MalformedFrame => new MalformedFrame(`unexpected message type 0x${type.toString(16)} from the target`)
