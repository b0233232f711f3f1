/** Every limit of the PostgreSQL session on one page; each is checked before anything is allocated for it. */
export const limits = {
  /** Start-up packet, as PostgreSQL's own MAX_STARTUP_PACKET_LENGTH. */
  startupBytesMax: 10_000,
  /** Password and SASL responses, as PostgreSQL's own PG_MAX_AUTH_TOKEN_LENGTH. */
  authenticationBytesMax: 65_535,
  /** Query, Parse, Bind, FunctionCall. PostgreSQL takes up to 1 GB; such a message is held whole while it is judged, so the gateway stops here (54000). */
  clientMessageBytesMax: 64 * 1024 * 1024,
  /** Describe, Execute, Close, Sync, Flush, CopyDone, CopyFail, as PostgreSQL's own PQ_SMALL_MESSAGE_LIMIT. */
  clientSmallMessageBytesMax: 10_000,
  /** A frame of the target that must be seen whole: a row that is masked, an error, a row description. Rows that pass untouched have no limit but the protocol's. */
  targetMessageBytesMax: 64 * 1024 * 1024,
  /** A frame of the target before it let us in. */
  handshakeMessageBytesMax: 64 * 1024,
  /** Frames of the target before it let us in (parameters, notices). */
  handshakeMessagesMax: 1000,
  /** PBKDF2 rounds a target may ask for (PostgreSQL's default is 4096). */
  scramIterationsMax: 1_000_000,
  /** COPY data forwarded ahead of its acknowledged record. */
  copyAheadBytesMax: 256 * 1024,
  /** Names the session remembers; beyond it a Parse or PREPARE is refused (54000). */
  statementsMax: 10_000,
  statementTextBytesMax: 64 * 1024 * 1024,
  /** Portals and cursors remembered; beyond it Bind and DECLARE are refused (54000). */
  portalsMax: 10_000,
  /** Messages forwarded whose answer has not come; beyond it the client is not read until it is down. */
  outstandingMax: 20_000,
  /** Secret part of a cancel key in protocol 3.2 (at most 256); 3.0 has 4. */
  cancelSecretBytes: 32,
  cancelKeyBytesMax: 256,
  /** Columns of a result, as PostgreSQL's own MaxTupleAttributeNumber. More than a request for their masks takes (2,000) was withheld after its time-out, with advice to try again. */
  resultColumnsMax: 1664,
  /** Relations of the target's catalog followed for one look-up. */
  lineageRelationsMax: 10_000,
  /** Rows a catalog look-up may answer. */
  catalogRowsMax: 100_000,
} as const
