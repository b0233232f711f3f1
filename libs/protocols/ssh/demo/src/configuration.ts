import type { BuildHost } from './build-host.js'

export const CONNECTION = 'build-host'
export const KEY_VARIABLE = 'BUILD_HOST_KEY'

/** The connection and the policies, as a platform engineer would keep them in git. */
export const configurationFor = ({ port, username, hostKey, shop }: BuildHost): Readonly<Record<string, string>> => ({
  'build-host.yaml': `apiVersion: sallyport/v1
kind: Connection
metadata: { name: ${CONNECTION}, labels: { environment: prod } }
spec:
  protocol: ssh
  target: { host: 127.0.0.1, port: ${port} }
  credentials: { username: ${username}, privateKey: { env: ${KEY_VARIABLE} } }
  durability: stored
  options:
    hostKeys: ["${hostKey}"]
`,
  'build-host.cedar': `// What AI agents may do on the build host.
@id("agents-run-on-build-host")
permit (principal in Group::"ai-agents", action in Action::"execute", resource == Connection::"${CONNECTION}");

@id("agents-copy-from-build-host")
permit (principal in Group::"ai-agents", action in Action::"transfer", resource == Connection::"${CONNECTION}")
when { context has direction && context.direction == "download" };

@id("no-uploads")
@reason("Files get onto this host by deployments.")
forbid (principal in Group::"ai-agents", action in Action::"transfer", resource == Connection::"${CONNECTION}")
unless { context has direction && context.direction == "download" };

@id("no-privileges")
@reason("Agents work as themselves.")
@remedy("Ask operations to do it.")
forbid (principal in Group::"ai-agents", action, resource == Connection::"${CONNECTION}")
when { context has privileged && context.privileged };

@id("nothing-is-removed")
@reason("Nothing is removed by hand on this host.")
forbid (principal in Group::"ai-agents", action in Action::"execute", resource == Connection::"${CONNECTION}")
when { context has program && ["rm", "rmdir", "shred", "unlink"].contains(context.program) };

@id("restarts-need-a-dba")
@approval("dba")
@expires("15m")
@reason("The shop is restarted with a second pair of eyes.")
forbid (principal in Group::"ai-agents", action in Action::"execute", resource == Connection::"${CONNECTION}")
when { context has programPath && context.programPath == "${shop}/restart" };
`,
})
