/** Turns bytes of a client encoding into text. Undefined: this encoding can't be read here, and what is in it must be treated as unknown. */
export interface TextCodec {
  readonly name: string
  readonly decode: (bytes: Uint8Array) => string
  readonly slice: (buffer: Buffer, from: number, to: number) => string
  /** Undefined when the text has characters that the encoding lacks. */
  readonly encode: (text: string) => Buffer | undefined
  /** Characters that a server may read as others: a decoded text that has one isn't certain. Undefined: there are none. */
  readonly doubtful?: RegExp
}

const utf8: TextCodec = {
  name: 'UTF8',
  decode: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
  slice: (buffer, from, to) => buffer.toString('utf8', from, to),
  encode: (text) => Buffer.from(text, 'utf8'),
}

const asciiOnly = (text: string): Buffer | undefined => {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return undefined
  return Buffer.from(text, 'latin1')
}

const latin1: TextCodec = {
  name: 'LATIN1',
  decode: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'),
  slice: (buffer, from, to) => buffer.toString('latin1', from, to),
  encode: (text) => {
    for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0xff) return undefined
    return Buffer.from(text, 'latin1')
  },
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** SQL_ASCII has no conversion: valid UTF-8 is read as such, anything else byte by byte, so that ASCII parts are always right. */
const decodeLoosely = (bytes: Uint8Array): string => {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return latin1.decode(bytes)
  }
}

const sqlAscii: TextCodec = {
  name: 'SQL_ASCII',
  decode: decodeLoosely,
  slice: (buffer, from, to) => decodeLoosely(buffer.subarray(from, to)),
  encode: asciiOnly,
}

/** PostgreSQL's names of client encodings (documentation, 24.3) to WHATWG labels. */
const labels: Readonly<Record<string, string>> = {
  BIG5: 'big5', EUC_JP: 'euc-jp', EUC_KR: 'euc-kr', EUC_CN: 'gb18030', GB18030: 'gb18030', GBK: 'gbk', SJIS: 'shift_jis',
  ISO_8859_5: 'iso-8859-5', ISO_8859_6: 'iso-8859-6', ISO_8859_7: 'iso-8859-7', ISO_8859_8: 'iso-8859-8', KOI8R: 'koi8-r', KOI8U: 'koi8-u',
  LATIN2: 'iso-8859-2', LATIN3: 'iso-8859-3', LATIN4: 'iso-8859-4', LATIN6: 'iso-8859-10', LATIN7: 'iso-8859-13', LATIN8: 'iso-8859-14',
  LATIN9: 'iso-8859-15', LATIN10: 'iso-8859-16', WIN866: 'ibm866', WIN874: 'windows-874', WIN1250: 'windows-1250', WIN1251: 'windows-1251',
  WIN1252: 'windows-1252', WIN1253: 'windows-1253', WIN1254: 'windows-1254', WIN1255: 'windows-1255', WIN1256: 'windows-1256',
  WIN1257: 'windows-1257', WIN1258: 'windows-1258',
}

/**
 * Where the runtime's tables and PostgreSQL's differ (found by trying every pair of bytes at a server; UHC, of which the runtime reads
 * no more than EUC_KR, is left out altogether). What the runtime can't read is U+FFFD.
 */
const doubtfulOf: Readonly<Record<string, RegExp>> = {
  SJIS: /[\x1a\x1c\x7f\ufffd]/,
  BIG5: /[\xaf\u02cd\u2027\u2215\u2295\u2299\u2574\u5341\u5345\uf6b1-\uf7a9\ufe51\ufe68\uff0f\uff3c\uff5e\uffe0\uffe1\uffe3\uffe5\ufffd]/,
  GB18030: /[\u1e3f\u3000\u9fb4-\u9fbb\ufe10-\ufe19\ue000-\uf8ff\ufffd]/,
  EUC_JP: /[\xa6\ufffd]/,
  KOI8U: /[\u040e\u045e\ufffd]/,
  EUC_CN: /[\xb7\u2014\ufffd]/,
}

const known = new Map<string, TextCodec | undefined>([['UTF8', utf8], ['UNICODE', utf8], ['SQL_ASCII', sqlAscii], ['LATIN1', latin1]])

/** The codec for the value of ParameterStatus `client_encoding`. */
export const textCodec = (clientEncoding: string): TextCodec | undefined => {
  const name = clientEncoding.toUpperCase()
  if (known.has(name)) return known.get(name)
  const label = labels[name]
  if (label === undefined) return undefined
  const decoder = new TextDecoder(label)
  const codec: TextCodec = { name, decode: (bytes) => decoder.decode(bytes), slice: (buffer, from, to) => decoder.decode(buffer.subarray(from, to)), encode: asciiOnly, doubtful: doubtfulOf[name] ?? /\ufffd/ }
  known.set(name, codec)
  return codec
}
