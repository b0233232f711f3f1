/**
 * A text as the database can keep it, cut to `charsMax`: PostgreSQL's jsonb refuses NUL and lone surrogates, and a comment must never
 * be the reason why a verdict can't be recorded.
 */
export const storableText = (text: string, charsMax: number): string =>
  text.slice(0, charsMax).replaceAll('\u0000', '\ufffd').toWellFormed()
