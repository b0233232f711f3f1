/** Every limit of file transfers on one page; each is checked before anything is allocated for it. */
export const transferLimits = {
  /** One SFTP packet; OpenSSH's SFTP_MAX_MSG_LENGTH. */
  packetBytesMax: 256 * 1024,
  /** What is read or written by one request, as `limits@openssh.com` tells clients; OpenSSH's own. */
  dataBytesMax: 255 * 1024,
  /** Linux's PATH_MAX. */
  pathBytesMax: 4096,
  /** Components of a path, those that links add included. */
  componentsMax: 512,
  /** Links on the way to a file; Linux's MAXSYMLINKS. */
  linksMax: 40,
  /** Refusals of one channel that are told on stderr, beside their answers. */
  toldMax: 100,
  /** Names in a directory that is copied by scp's old protocol, and how deep it may go. */
  namesMax: 100_000,
  depthMax: 64,
  handleBytesMax: 256,
  /** Files and directories that one channel has open. */
  handlesMax: 1024,
  /** Requests of one channel that the target has not answered; beyond it the client waits. */
  pendingMax: 1024,
  /** How long the target may take for a look at a path. */
  lookMs: 15_000,
  /** How long an allowed look at the same path is not judged again. */
  lookedMs: 5_000,
  lookedMax: 4096,
  /** Read from a client before it is worked on, so that its end is seen while a request of it waits. */
  readAheadBytesMax: 256 * 1024,
  /** Content that is recorded in one piece, and how much may run ahead of its acknowledged record. */
  pieceBytesMax: 256 * 1024,
  aheadBytesMax: 256 * 1024,
} as const
