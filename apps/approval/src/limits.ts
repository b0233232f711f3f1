/** Every limit of the service on one page. */

/** Open (requested or approved) approvals of one principal. */
export const OPEN_PER_PRINCIPAL_MAX = 100
/** People that one approval may ask for, over all its needs; also how many people's verdicts are kept. */
export const PEOPLE_NEEDED_MAX = 64
export const RESOLUTIONS_MAX = 128
/** Characters of an approver's comment. */
export const COMMENT_CHARS_MAX = 4_000
/** Characters of a reason for withdrawing, and of an outcome. */
export const REASON_CHARS_MAX = 1_000
/** Characters of a command's masked text, as the contract has it. */
export const SUMMARY_CHARS_MAX = 16 * 1024
/** Characters of a request as JSON: its event must fit into a message of the bus with room to spare. */
export const REQUEST_CHARS_MAX = 128 * 1024
/** A longer wait asked for by a policy is cut to this. */
export const EXPIRES_MS_MAX = 30 * 24 * 60 * 60 * 1000
/** How long an approved command that is held may take to be released by its proxy. */
export const HELD_RELEASE_MS = 30_000
/** How often a command is decided again when somebody else changed the approval meanwhile. */
export const ATTEMPTS_MAX = 12
/** Pause between two sweeps for what is overdue. */
export const SWEEP_INTERVAL_MS = 1_000
/** Approvals closed in one sweep at most. */
export const SWEEP_BATCH = 200
/** Items of a list page, when the caller names no number. */
export const PAGE_DEFAULT = 100
