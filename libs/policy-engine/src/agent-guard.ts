/** Text as a Cedar string literal. */
export const cedarString = (text: string): string => {
  const escaped = text.replace(/["\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => (character === '"' || character === '\\' ? `\\${character}` : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`))
  return `"${escaped}"`
}

/** Name of the generated document that holds an agent's guard. */
export const agentGuardName = (name: string): string => `agent-${name}`

/**
 * The policy that an Agent's `connections` stand for: it reaches no other connection, whatever else permits it. Belongs in a document
 * `{ name: agentGuardName(name), managedBy: 'generated' }`. `uid` as in the identity contract.
 */
export const agentGuard = (agent: { readonly name: string; readonly uid: string; readonly connections: readonly string[] }): string => {
  const scope = `forbid (principal == Agent::${cedarString(agent.uid)}, action, resource)`
  const reason = `The agent ${agent.name} is not set up for this connection.`
  const head = `@id(${cedarString(`agent-${agent.name}-connections`)})\n@reason(${cedarString(reason)})\n@remedy(${cedarString(`Ask an administrator to add the connection to the agent ${agent.name}.`)})\n`
  // Cedar has no empty set literal; an agent without connections reaches none.
  if (agent.connections.length === 0) return `${head}${scope};\n`
  return `${head}${scope}\nunless { [${agent.connections.map((name) => `Connection::${cedarString(name)}`).join(', ')}].contains(resource) };\n`
}

/** Name of the generated document that holds what is left of a removed agent. */
export const retiredGuardName = (name: string): string => `retired-${name}`

/**
 * The policy of an agent that was removed: nothing is allowed under its name, whatever permits it to its groups. Said of the user of that
 * name too, so that it holds whatever the directory knew when somebody was looked up.
 */
export const retiredGuard = (agent: { readonly name: string; readonly uid: string }): string => ['Agent', 'User'].map((type) => [
  `@id(${cedarString(`retired-${agent.name}-${type.toLowerCase()}`)})`,
  `@reason(${cedarString(`The agent ${agent.name} was removed from Sallyport: nothing is done under its name.`)})`,
  `@remedy(${cedarString(`Ask an administrator to register the agent again, or to forget it if it should not have been registered (sallyport agents forget ${agent.name}).`)})`,
  `forbid (principal == ${type}::${cedarString(agent.uid)}, action, resource);\n`,
].join('\n')).join('')
