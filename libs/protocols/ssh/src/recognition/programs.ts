/** What is known of programs by name. Own work, from their manuals; used for facts only: being listed here makes nothing harmless. */

const set = (names: string): ReadonlySet<string> => new Set(names.split(/\s+/).filter((name) => name !== ''))

/** Shells whose `-c` text is read like the line itself. */
export const shells = set('sh bash dash ash')

/** Other programs that run code of their own language. The value: options that carry code (the code isn't read). */
export const interpreters: Readonly<Record<string, readonly string[]>> = {
  zsh: ['-c'], ksh: ['-c'], ksh93: ['-c'], mksh: ['-c'], rbash: ['-c'], fish: ['-c', '-C', '--command', '--init-command'], csh: ['-c'], tcsh: ['-c'], pwsh: ['-c', '-Command', '-EncodedCommand', '-e'],
  python: ['-c', '-m'], python2: ['-c', '-m'], python3: ['-c', '-m'], pypy: ['-c'], pypy3: ['-c'], ipython: ['-c'], perl: ['-e', '-E', '-n', '-p'], ruby: ['-e'], irb: ['-e'], node: ['-e', '-p', '--eval', '--print', '-r', '--require', '--import'],
  nodejs: ['-e', '-p', '--eval', '--print'], deno: ['eval'], bun: ['-e', '--eval'], tsx: ['-e', '--eval'], php: ['-r', '-B', '-R', '-E'], lua: ['-e'], luajit: ['-e'], tclsh: [], wish: [], expect: ['-c'], osascript: ['-e'], R: ['-e'], Rscript: ['-e'],
  julia: ['-e', '-E', '--eval', '--print'], ghc: ['-e'], runghc: [], scala: ['-e'], groovy: ['-e'], jshell: [], erl: ['-eval', '-run', '-s'], elixir: ['-e', '--eval'], guile: ['-c'], sbcl: ['--eval'], emacs: ['--eval', '--batch', '-batch', '--execute'],
  awk: [], gawk: [], mawk: [], nawk: [], sed: [], jjs: [], gdb: ['-ex', '--eval-command', '-x'], bc: [], dc: ['-e'], m4: [], psql: ['-c', '--command'], mysql: ['-e', '--execute'], mariadb: ['-e', '--execute'], sqlite3: [], mongosh: ['--eval'], redis: [],
  'redis-cli': ['--eval'], ansible: ['-a'], octave: ['--eval'], source: [], '.': [],
}

/** Programs that talk to the network. */
export const network = set(`curl wget wget2 aria2c nc ncat netcat socat telnet ftp tftp lftp sftp scp ssh rsync mosh autossh sshfs ssh-copy-id ssh-keyscan nmap masscan ping ping6 traceroute tracepath mtr dig host nslookup whois
openssl gnutls-cli s_client http https httpie xh lynx links w3m elinks git svn hg docker podman kubectl helm oc aws gcloud az doctl terraform psql mysql mariadb mongosh redis-cli mail mailx sendmail mutt swaks smbclient rclone restic
borg apt apt-get aptitude dnf yum zypper apk pacman snap flatpak pip pip3 pipx uv poetry npm npx yarn pnpm gem cargo go brew composer ansible ansible-playbook nfsmount mount.nfs iperf iperf3 tcpdump tshark ngrok cloudflared frpc chisel
rlogin rsh rcp finger bash-tcp`)

/** Programs that can be made to run others by an argument, a configuration file, or a key pressed in them. */
export const escapes = set(`vi vim nvim view vimdiff rvim ex ed emacs nano pico joe micro less more most man pg info git svn hg tar bsdtar zip unzip rsync scp sftp ssh ftp gdb lldb strace make gmake cmake ninja npm npx yarn pnpm pip pip3 gem cargo go
composer bundle mvn gradle ansible ansible-playbook psql mysql mariadb sqlite3 mongosh awk gawk mawk nawk sed find xargs parallel watch screen tmux crontab at batch systemctl systemd-run service journalctl dmesg docker podman kubectl
apt apt-get aptitude dpkg rpm yum dnf snap crontab visudo vipw sudoedit mail mailx mutt nmap tcpdump socat nc ncat openssl tclsh expect script logsave run-mailcap run-parts dialog top htop ltrace perf bpftrace valgrind ld ld.so
dmsetup ip iptables cpio split sort tee dd xz gzip zsh fish csh tcsh ksh python python3 perl ruby node php lua Rscript R julia irb`)

/** Builtins of shells that take code, or define what later words mean. */
export const definers = set('eval source . alias unalias trap enable hash set shopt bind complete compgen declare typeset local readonly let mapfile readarray coproc function')
