/** Small languages in arguments, as far as they can be proven to do nothing but print. */

/** awk: no output redirection, pipe, system(), getline, indirect call or extension. Comparisons with `>` are not told from redirections. */
export const awkOnlyPrints = (code: string): boolean => !/[>|@\\]|system|getline|close|fflush|nextfile|ARG|PROCINFO|ENVIRON|load|include|namespace/.test(code)

const sedAddress = String.raw`(?:\d+|\$|/[^/\\\n;]*/)`
const sedPiece = new RegExp(String.raw`^\s*(?:${sedAddress}(?:\s*,\s*(?:\+?\d+|\$|/[^/\\\n;]*/))?\s*!?\s*)?(?:[pdqQ=]|s/[^/\n;]*/[^/\n;]*/[gpiI0-9]*)?\s*$`)

/** sed: print, delete, quit and substitutions without the flags `e` and `w`. Escapes within slashes are given up on. */
export const sedOnlyPrints = (code: string): boolean => !/[\\\n{}]/.test(code.replace(/\\[.*+?()|nstwd^$[\]]/g, '')) && code.split(';').every((piece) => sedPiece.test(piece.replace(/\\[.*+?()|nstwd^$[\]]/g, '_')))
