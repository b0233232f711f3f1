import type { BusPermissions } from '@sallyport/contracts/permissions'

/** Environment variable that holds a NATS user's password: `NATS_PASSWORD_PROXY_1` for `proxy-1`. */
export const passwordVariable = (user: string): string => `NATS_PASSWORD_${user.toUpperCase().replaceAll('-', '_')}`

const list = (subjects: readonly string[]): string => `[${subjects.map((subject) => JSON.stringify(subject)).join(', ')}]`

/** A reply counts as one for this long; contracts time out long before. */
const ANSWER_WITHIN = '1m'

const userText = ({ user, publish, subscribe, answers }: BusPermissions): string => `    {
      user: ${JSON.stringify(user)}
      password: $${passwordVariable(user)}
      permissions: {
        publish: { allow: ${list(publish)} }
        subscribe: { allow: ${list(subscribe)} }${answers ? `\n        allow_responses: { max: 1, expires: "${ANSWER_WITHIN}" }` : ''}
      }
    }`

/**
 * The `authorization` block of a nats-server configuration. Passwords come from its environment and must begin with a letter: the server
 * reads a value that looks like a number as one.
 */
export const natsAuthorization = (users: readonly BusPermissions[]): string => `authorization {
  users: [
${users.map(userText).join('\n')}
  ]
}`
