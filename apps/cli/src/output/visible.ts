/** Text that a terminal shows as it is: control characters, and those that reorder text, become visible escapes. */
export const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu, (character) => {
    const code = character.codePointAt(0)!
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })

/** The same for a text of several lines: line feeds stay, a tab is two spaces. */
export const visibleLines = (text: string): string => text.replaceAll('\r\n', '\n').replaceAll('\t', '  ').split('\n').map(visible).join('\n')
