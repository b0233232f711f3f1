/** What a stream keeps at most: a line that long is looked at whole, a longer one in windows. */
export const UNIT_BYTES_MAX = 65_536
/** What is kept of bytes that went out already, so that a match over them is still found. */
export const CONTEXT_BYTES = 2_048
/** The end of a window that is looked at again with the next one. */
export const LOOKAHEAD_BYTES = 4_096
/** How far a stream's beginning says whether it is text. */
export const SNIFF_BYTES = 8_192
/** A private key without its end hides no more than this. */
export const KEY_BYTES_MAX = 65_536
/** A longer control sequence is none: what follows its beginning is text. */
export const CSI_BYTES_MAX = 64
export const CONTROL_STRING_BYTES_MAX = 4_096
