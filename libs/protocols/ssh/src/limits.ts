/** Every limit of the SSH session on one page; each is checked before anything is allocated for it. */
export const limits = {
  /** Refused log-ins on one connection, whatever their method; OpenSSH's MaxAuthTries. */
  attemptsMax: 6,
  /** Key offers without a signature that are answered on one connection; each costs no look-up. */
  offersMax: 32,
  /** Bytes of a client that has not logged in: key exchange, and attempts with tokens. */
  unauthenticatedBytesMax: 1024 * 1024,
  /** Bytes of a target that has not let us in: its greeting lines, key exchange, banners. */
  handshakeBytesMax: 1024 * 1024,
  /** A peer's version line, and the lines that a target may say before it. */
  versionBytesMax: 32 * 1024,
  /** A user name is the name of a connection: an RFC 1123 label. */
  userBytesMax: 256,
  /** Tokens. */
  secretBytesMax: 32 * 1024,
  /** Channels open at a time in one session. */
  channelsMax: 64,
  /** Channels opened and refused, or requests that are not understood, recorded in one session; beyond it the session ends. */
  strangeMax: 1000,
  /** The smallest and the largest packet that we send to a peer's channel, whatever it says (RFC 4254, section 5.1; none is nothing, and many tiny ones are much work). */
  packetBytesMin: 1024,
  packetBytesMax: 32 * 1024,
  /** Variables of one channel and the length of each. */
  environmentMax: 64,
  environmentBytesMax: 8 * 1024,
  /** Delivered to a client and not yet written to its channel, per channel: then the target's stream is paused. */
  outflowBytesMax: 256 * 1024,
  /** Input forwarded ahead of its acknowledged record. */
  inputAheadBytesMax: 256 * 1024,
  /** One recorded piece of input. */
  inputPieceBytesMax: 256 * 1024,
  /** How long a command that is no proven read waits to hear that its input has ended, before it is judged as one with input. */
  inputEndWaitMs: 25,
  /** Of one line typed at a governed shell, with the lines that continue it, and how many are remembered. */
  shellLineBytesMax: 16 * 1024,
  shellHistoryMax: 500,
  /** Between keep-alives, and how many may go unanswered. */
  keepAliveMs: 15_000,
  keepAlivesMax: 20,
  /** Longest wait for bytes that may be the beginning of a match, where somebody watches. */
  watchedDelayMs: 20,
  unwatchedDelayMs: 100,
} as const
