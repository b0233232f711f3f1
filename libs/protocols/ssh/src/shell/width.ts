const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** What a person sees as one sign. */
export const graphemes = (text: string): readonly string[] => (PLAIN.test(text) ? [...text] : Array.from(segmenter.segment(text), ({ segment }) => segment))

/** Texts of which every unit is one sign. */
const PLAIN = /^[\n -~]*$/

/** Signs that no terminal shows, or that would move its cursor or turn the direction of a text: shown by their names. */
const UNSHOWN = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e0fff}]/u

const WIDE = /[\u1100-\u115f\u231a\u231b\u2329\u232a\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f004}\u{1f0cf}\u{1f18e}\u{1f191}-\u{1f19a}\u{1f200}-\u{1f265}\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f7e0}-\u{1f7eb}\u{1f90c}-\u{1f9ff}\u{1fa70}-\u{1faff}\u{20000}-\u{3fffd}]/u
const ZERO = /^[\p{Mn}\p{Me}\u200c\u200d\ufe00-\ufe0f]$/u

const named = (unit: string): string => {
  const code = unit.codePointAt(0)!
  if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`
  if (code < 0x7f) return unit
  return code === 0x7f ? '^?' : `<${code.toString(16).toUpperCase().padStart(4, '0')}>`
}

/** A sign as it is written to a terminal: as it is, or in ASCII. */
export const shown = (sign: string): string => (UNSHOWN.test(sign) ? Array.from(sign, named).join('') : sign)

/** Columns that a shown sign takes. Terminals differ on the newest emoji; what they agree on is right. */
export const columnsOf = (sign: string): number => {
  const drawn = shown(sign)
  if (drawn !== sign) return drawn.length
  if (sign.length === 1 && sign >= ' ' && sign <= '~') return 1
  if (WIDE.test(sign) || sign.includes('\ufe0f')) return 2
  return Array.from(sign).every((unit) => ZERO.test(unit)) ? 0 : 1
}
