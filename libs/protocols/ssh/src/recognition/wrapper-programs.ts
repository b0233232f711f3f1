/** How the arguments of a program that runs another command are read, up to that command. */
export interface Wrapper {
  /** Short options that take a value, as one string of letters. */
  readonly valued?: string
  /** Long options that take their value as the next argument unless it is joined with `=`. */
  readonly longValued?: readonly string[]
  /** Operands before the command: timeout's duration, chroot's directory, ssh's host. */
  readonly operands?: number
  /** `NAME=value` before the command sets its environment. */
  readonly assignments?: true
  readonly privileged?: true
  readonly network?: true
  /** The command runs on another host or in another system. */
  readonly remote?: true
  /** More arguments are added to the command. */
  readonly appends?: true
  /** What follows is joined with spaces and read by a shell. */
  readonly joins?: true
  /** Options whose value is text for a shell. */
  readonly scripts?: readonly string[]
  /** Options with which nothing is run (`command -v`). */
  readonly inert?: readonly string[]
  /** Options with which something is run that can't be known (`sudo -i`, `env -S`). */
  readonly opaque?: readonly string[]
  /** Without a command it starts a shell, or commands read from its input. */
  readonly shellAlone?: true
  /** Subcommands after which it runs a command (`docker exec`); in all others it doesn't. */
  readonly subcommands?: readonly string[]
}

const container: Wrapper = { valued: 'euwlHcn', longValued: ['--env', '--env-file', '--user', '--workdir', '--detach-keys', '--name', '--volume', '--entrypoint', '--network', '--host', '--context', '--config'], operands: 1, remote: true, subcommands: ['exec', 'run'], opaque: ['--entrypoint'] }

/** Programs that run another command given in their arguments. Own work, from their manuals. */
export const wrappers: Readonly<Record<string, Wrapper>> = {
  sudo: {
    valued: 'ugpCcDhRTtrU', longValued: ['--user', '--group', '--prompt', '--close-from', '--login-class', '--chdir', '--host', '--chroot', '--command-timeout', '--type', '--role', '--other-user'],
    assignments: true, privileged: true, opaque: ['-i', '--login', '-s', '--shell', '-e', '--edit'], inert: ['-l', '--list', '-v', '--validate', '-k', '-K', '-V', '--version'],
  },
  doas: { valued: 'aCu', privileged: true, opaque: ['-s', '-C'] },
  pkexec: { longValued: ['--user'], privileged: true, shellAlone: true },
  su: { valued: 'gGsw', longValued: ['--group', '--supp-group', '--shell', '--whitelist-environment'], scripts: ['-c', '--command', '--session-command'], privileged: true, shellAlone: true, operands: 9 },
  runuser: { valued: 'ugGsw', longValued: ['--user', '--group', '--supp-group', '--shell'], scripts: ['-c', '--command', '--session-command'], privileged: true, shellAlone: true },
  'systemd-run': { valued: 'pHMuEGd', longValued: ['--property', '--unit', '--slice', '--uid', '--gid', '--working-directory', '--setenv', '--on-active', '--on-calendar', '--machine', '--host'], privileged: true },
  chroot: { longValued: [], operands: 1, privileged: true, shellAlone: true },
  nsenter: { valued: 'tSGC', longValued: ['--target', '--setuid', '--setgid'], privileged: true, shellAlone: true, remote: true },
  unshare: { valued: 'SGRw', longValued: ['--setuid', '--setgid', '--root', '--wd', '--map-user', '--map-group'], privileged: true, shellAlone: true },
  setpriv: { longValued: ['--reuid', '--regid', '--groups', '--inh-caps', '--ambient-caps', '--bounding-set', '--securebits', '--pdeathsig', '--selinux-label', '--apparmor-profile'], privileged: true },
  capsh: { opaque: ['-c', '--'], privileged: true },
  env: { valued: 'uC', longValued: ['--unset', '--chdir'], assignments: true, opaque: ['-S', '--split-string'] },
  command: { inert: ['-v', '-V'] },
  builtin: {},
  exec: { valued: 'a' },
  eval: { joins: true },
  nohup: {}, setsid: {}, 'fakeroot': { valued: 'lifsub' },
  nice: { valued: 'n', longValued: ['--adjustment'] },
  ionice: { valued: 'cnpPu', longValued: ['--class', '--classdata', '--pid'] },
  chrt: { valued: 'TPD', operands: 1 },
  taskset: { operands: 1 },
  numactl: { valued: 'iNmpCwd', longValued: ['--interleave', '--membind', '--cpunodebind', '--physcpubind', '--preferred'] },
  prlimit: { valued: 'pop' },
  cpulimit: { valued: 'lpe' },
  timeout: { valued: 'ks', longValued: ['--kill-after', '--signal'], operands: 1 },
  time: { valued: 'fo', longValued: ['--format', '--output'] },
  stdbuf: { valued: 'ioe', longValued: ['--input', '--output', '--error'] },
  unbuffer: {}, catchsegv: {}, ltrace: { valued: 'aAeDfFlnopsuwxXS' },
  strace: { valued: 'aeEIObopPsSuUX', longValued: ['--output', '--trace', '--attach', '--expr'] },
  watch: { valued: 'nq', longValued: ['--interval', '--equexit'], joins: true },
  flock: { valued: 'wE', longValued: ['--timeout', '--wait', '--conflict-exit-code'], operands: 1, scripts: ['-c', '--command'] },
  script: { valued: 'EBIOTmo', scripts: ['-c', '--command'], shellAlone: true },
  xargs: { valued: 'EIJLnPsda', longValued: ['--arg-file', '--delimiter', '--max-lines', '--max-args', '--max-procs', '--max-chars', '--process-slot-var'], appends: true },
  parallel: { appends: true, joins: true, opaque: ['-a', '--arg-file'], valued: 'jaNLISDE' , longValued: ['--jobs', '--max-args', '--delay', '--timeout', '--retries', '--joblog', '--results', '--sshlogin'], shellAlone: true },
  ssh: { valued: 'bcDEeFIiJLlmOopQRSWwBP', operands: 1, joins: true, network: true, remote: true },
  sshpass: { valued: 'pfdP' },
  mosh: { operands: 1, network: true, remote: true },
  docker: container, podman: container, nerdctl: container,
  kubectl: { valued: 'ncpfsl', longValued: ['--namespace', '--container', '--pod-running-timeout', '--filename', '--context', '--kubeconfig', '--server', '--token', '--image'], operands: 1, remote: true, network: true, subcommands: ['exec'] },
  oc: { valued: 'nc', longValued: ['--namespace', '--container'], operands: 1, remote: true, network: true, subcommands: ['exec', 'rsh'] },
  lxc: { operands: 1, remote: true, subcommands: ['exec'] },
  'lxc-attach': { valued: 'nePusRvf', longValued: ['--name'], remote: true, shellAlone: true },
  machinectl: { operands: 1, remote: true, privileged: true, subcommands: ['shell'], shellAlone: true },
  busybox: {}, toybox: {}, proxychains: { network: true, valued: 'f' }, proxychains4: { network: true, valued: 'f' }, torsocks: { network: true }, tsocks: { network: true },
  'start-stop-daemon': { opaque: ['-S', '--start', '--exec', '-x', '-a', '--startas'], valued: 'xpnucgrkIaPR' },
  'run-parts': { opaque: [] }, 'dbus-run-session': {}, 'xvfb-run': { valued: 'enfpsw' }, 'ssh-agent': {}, entr: { appends: true }, 'ld.so': {}, 'ld-linux-x86-64.so.2': {}, setarch: { operands: 1 }, linux32: {}, linux64: {},
  poetry: { subcommands: ['run'] }, pipenv: { subcommands: ['run'] }, uv: { subcommands: ['run'] }, bundle: { subcommands: ['exec'] }, direnv: { operands: 1, subcommands: ['exec'] },
}
