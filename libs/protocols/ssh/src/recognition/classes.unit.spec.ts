import { describe, expect, it } from '@jest/globals'
import { recognise } from './index.js'

const outcome = (text: string, settings: Record<string, string> = { terminal: 'no' }): string => {
  const { class: kind, provenRead } = recognise(text, settings)
  return provenRead ? `proven ${kind}` : kind
}

describe('proven reads', () => {
  it.each([
    '', '\n', '# nothing', ':', 'true', 'false', 'pwd', 'cd /tmp', 'cd', 'exit 3', 'echo a', 'echo "$x" $y', 'printf "%s\\n" "$x"', 'ls', 'ls -la --color=always /tmp', 'll=1', 'cat f', 'cat /etc/os-release', 'head -n 5 f', 'tail -n 100 -f /var/log/syslog', 'wc -l f', 'stat f', 'id', 'id -u bob', 'whoami', 'groups',
    'uname -a', 'hostname', 'hostname -f', 'df -h', 'du -sh /var', 'ps aux', 'ps -ef', 'uptime', 'free -m', 'date', 'date -u', 'date +%s', 'date "+%Y-%m-%d %H:%M"', 'date -d yesterday +%F', 'date -Iseconds', 'cut -d: -f1 /etc/passwd', 'tr a-z A-Z', 'sort', 'sort -k2,2n -t: f', 'sort -ru f', 'uniq -c', 'uniq f', 'comm -12 a b', 'diff -u a b', 'cmp a b',
    'grep -rn "a b" src', 'grep -E "x|y" f', 'egrep -i x f', 'find . -name "*.c"', 'find /var/log -type f -mtime -1 -print', 'find . \\( -name a -o -name b \\) -prune', 'find . -maxdepth 1 -printf "%f\\n"', 'find . -name x -exec grep -l y {} \\;', 'find . -type f -exec cat {} +', 'find . -print0 | xargs -0 grep -l x', 'ls | xargs -n 1 -I {} cat {}', 'xargs head -n 1',
    'readlink -f x', 'realpath x', 'sha256sum f', 'md5sum f', 'base64 f', 'file f', 'file -b --mime-type f', 'basename /a/b', 'dirname /a/b', 'seq 1 10', 'expr 1 + 2', 'env', 'printenv HOME', 'which ls', 'type ls', 'command -v git', 'test -f x', '[ -f x ]', '[ "$x" = y ]', '[ -n "$x" ]', '[ ! -d x ] || ls x', '[ 1 -eq 2 ]', '[ "$x" != "$y" ]',
    'journalctl -u nginx --no-pager -n 50', 'journalctl --since=today -p err', 'systemctl status nginx', 'systemctl is-active nginx', 'systemctl list-units --type=service --state=running', 'systemctl show -p MainPID nginx', 'dmesg -T', 'ip a', 'ip -br addr', 'ip route show', 'ss -tlnp', 'netstat -an', 'lsblk', 'lscpu', 'mount', 'crontab -l', 'dpkg -l', 'dpkg -L bash', 'getent passwd bob', 'python3 --version', 'node --version', 'git --version', 'bash --version',
    'jq .a f', 'sed -n 1,20p f', 'sed -n "/a/,/b/p" f', "sed 's/a/b/g' f", "sed -E 's/[0-9]+/n/' f", "sed -e 1d -e '$d' f", "awk '{print $1}' f", "awk -F: '{print $1, $3}' /etc/passwd", "awk -v n=2 'NR==n' f", "awk '/x/ {n++} END {print n}' f",
    'cat f | grep x | sort | uniq -c', 'cat a && cat b || echo c; ls', 'ls 2>/dev/null', 'ls > /dev/null 2>&1', 'ls >/dev/stderr', 'ls 2>&1 | head', 'cat < f', 'grep x < f', 'echo "$(cat f)"', 'echo $(ls | wc -l)', 'wc -l $(find . -name x)', 'for f in *.log; do wc -l "$f"; done', 'for i in 1 2 3; do echo $i; done', 'if [ -f x ]; then cat x; else echo no; fi', 'while read -r x; do echo "$x"; done < f',
    'until test -f x; do sleep 1; done', '(cd /tmp && ls)', '{ ls; cat f; } 2>/dev/null', '! grep x f', 'x=1; echo $x', 'n=$(wc -l < f)', 'LC_ALL=C sort f', 'TZ=Europe/Berlin date', 'IFS= read -r x', 'env LC_ALL=C ls', 'env -i ls', 'timeout 5 cat f', 'timeout -k 1 10s ls', 'nice ls', 'nice -n 10 du -s .', 'stdbuf -oL grep x f', 'command ls', 'sh -c "ls; cat f"', "bash -lc 'ls -la'", "bash -c 'set -euo pipefail; ls | wc -l'",
    'bash -o pipefail -c "ls | wc"', 'set -e; ls', 'set -euo pipefail\nls', 'export LANG=C.UTF-8; ls', 'export x=1', 'unset x', '/bin/ls', '/usr/bin/env ls', '/usr/bin/cat f', 'c""at f', "'cat' f", '\\cat f', 'cat \\\n f', 'cat f # rm x', "echo 'rm x; $(rm y) > z'", 'echo "rm x; \\$(rm y) > z"', 'echo rm', 'grep "a > b" f', "grep -E '(a|b)' f", 'cat "a b"/c', 'ls *', 'ls -d */', 'cat /var/log/*.log',
    'sort ./*.txt', 'file /bin/*', 'ls "$HOME"', 'ls ~', 'ls ~bob/x', 'echo é', 'echo "日本"', 'ps aux | grep -v grep | awk \'{print $2}\'', 'cat f | tee /dev/null'.replace('tee /dev/null', 'cat'), 'echo $?', 'echo "$@" $# $1', 'echo $$', 'find "$(pwd)" -name x'.replace('"$(pwd)"', '/srv'), 'ulimit -a', 'umask', 'times', 'history', 'jobs', 'alias',
  ])('%j', (text) => {
    expect(outcome(text)).toBe('proven read')
  })

  it('asks for --no-pager where output may go to a terminal', () => {
    for (const settings of [{}, { terminal: 'yes' }, { terminal: '' }]) {
      expect(outcome('journalctl -u x', settings)).toBe('execute')
      expect(outcome('journalctl --no-pager -u x', settings)).toBe('proven read')
      expect(outcome('systemctl status x', settings)).toBe('execute')
      expect(outcome('dpkg -l', settings)).toBe('execute')
      expect(outcome('ls', settings)).toBe('proven read')
    }
  })
})

describe('programs that the operator vouches for', () => {
  const vouched = (text: string, harmless: unknown): string => outcome(text, { terminal: 'no', harmless: typeof harmless === 'string' ? harmless : JSON.stringify(harmless) })
  it.each<[string, unknown, string]>([
    ['git status', { git: ['status', 'log'] }, 'proven read'], ['git log --oneline | head', { git: ['status', 'log'] }, 'proven read'], ['git push', { git: ['status', 'log'] }, 'execute'], ['git -c a=b status', { git: ['status'] }, 'execute'], ['git $x', { git: ['status'] }, 'execute'], ['git', { git: ['status'] }, 'execute'],
    ['"git" "status"', { git: ['status'] }, 'proven read'], ['git status > f', { git: ['status'] }, 'execute'], ['git status; rm x', { git: ['status'] }, 'execute'], ['sudo git status', { git: ['status'] }, 'execute'], ['/tmp/git status', { git: ['status'] }, 'execute'], ['PATH=. git status', { git: ['status'] }, 'execute'], ['GIT_DIR=x git status', { git: ['status'] }, 'execute'],
    ['inventory anything $x', { inventory: [] }, 'proven read'], ['other', { inventory: [] }, 'execute'], ['sh -c "git status"', { git: ['status'] }, 'proven read'], ['xargs inventory', { inventory: [] }, 'proven read'], ['git status', '{"git":', 'execute'], ['git status', '[]', 'execute'], ['git status', '{"git": "status"}', 'execute'], ['git status', '{"git": [1]}', 'execute'], ['ls', '{"git":', 'proven read'],
    ['constructor x', { git: [] }, 'execute'], ['__proto__', { git: [] }, 'execute'], ['toString', {}, 'execute'], ['hasOwnProperty x', {}, 'execute'],
  ])('%j with %j', (text, harmless, expected) => {
    expect(vouched(text, harmless)).toBe(expected)
  })
})

describe('transfers', () => {
  it.each<[string, string, string | undefined, readonly string[]]>([
    ['scp -t /srv/x', 'scp', 'upload', ['/srv/x']], ['scp -t -- /srv/x', 'scp', 'upload', ['/srv/x']], ['scp -r -p -t .', 'scp', 'upload', ['.']], ['scp -f /a/../b', 'scp', 'download', ['/b']], ['scp -v -r -f -- a b', 'scp', 'download', ['a', 'b']], ['scp -f /var/log/*.log', 'scp', 'download', ['/var/log/*.log']], ['/usr/bin/scp -pf x', 'scp', 'download', ['x']],
    ['rsync --server --sender -vlogDtpre.iLsfxCIvu . /srv/', 'rsync', 'download', ['/srv/']], ['rsync --server -vlogDtpre.iLsfxCIvu --delete . /srv/x', 'rsync', 'upload', ['/srv/x']], ["git-upload-pack '/srv/r.git'", 'git', 'download', ['/srv/r.git']], ["git-receive-pack '/srv/r.git'", 'git', 'upload', ['/srv/r.git']], ['git upload-pack r', 'git', 'download', ['r']],
    ['/usr/lib/openssh/sftp-server', 'sftp', undefined, []], ['sftp-server -e -l INFO', 'sftp', undefined, []], ['internal-sftp', 'sftp', undefined, []],
  ])('%j', (text, tool, direction, paths) => {
    const found = recognise(text, {})
    expect(found).toMatchObject({ class: 'transfer', action: 'ssh.transfer', provenRead: false })
    expect(found.detail).toMatchObject({ transfer: { tool, paths, ...(direction === undefined ? {} : { direction }) } })
    expect(found.effects.map(({ facts }) => facts['direction'])).toEqual(found.effects.map(() => direction))
    if (paths.length > 0) expect(found.effects.map(({ facts }) => facts['path'])).toEqual(paths.map((path) => path === '/srv/' ? '/srv' : path))
  })

  it.each([
    'scp a b', 'scp -t', 'scp -t a b', 'scp -f -t a', 'scp -S x -t a', 'scp -t $x', 'scp -t "$(rm x)"', 'scp -t a; rm b', 'scp -t a > b', '/tmp/scp -t a', 'LD_PRELOAD=x scp -t a', 'sudo scp -t a', 'scp -t a | cat', 'scp -t a &', 'rsync --server --daemon .', 'rsync --server --log-file=x . a', 'rsync --server -e sh . a', 'rsync --daemon --config=x', 'rsync a b', 'git-upload-pack', 'git-upload-pack a b',
    'git-upload-pack --x a', 'git -c a=b upload-pack r', 'sftp-server x', 'sftp-server -l $x', 'xargs scp -t', '`scp -t a`', 'scp -t `x`',
  ])('%j is none', (text) => {
    expect(recognise(text, {}).class).toBe('execute')
    expect(recognise(text, {}).detail).not.toHaveProperty('transfer')
  })
})
