import { describe, expect, it } from '@jest/globals'
import { type ShellDetail, recognise, textBytesMax, unrecognised } from './index.js'

const of = (text: string) => recognise(text, { terminal: 'no' })
const programs = (text: string): readonly string[] => of(text).effects[0]?.facts['programs'] as readonly string[]

describe('a program is found however it is written', () => {
  it.each<[string, string]>([
    ['empty quotes', 'r""m x'], ['single quotes', "r''m x"], ['all in quotes', '"rm" x'], ['a backslash', '\\rm x'], ['backslashes', '\\r\\m x'], ['ANSI-C quotes', "$'\\x72m' x"], ['ANSI-C octal', "$'\\162\\155' x"],
    ['ANSI-C Unicode', "$'\\u0072m' x"], ['half ANSI-C', "r$'m' x"], ['locale quotes', '$"rm" x'], ['a line continuation', 'r\\\nm x'], ['a continuation within quotes', '"r\\\nm" x'], ['a directory', '/bin/rm x'],
    ['directories that lead nowhere', '/bin/../bin//rm x'], ['a newline', 'ls\nrm x'], ['a semicolon', 'ls;rm x'], ['and', 'ls&&rm x'], ['or', 'ls||rm x'], ['a pipe', 'ls|rm x'], ['a pipe of both', 'ls |& rm x'], ['the background', 'ls & rm x'],
    ['a subshell', '(rm x)'], ['a group', '{ rm x; }'], ['a negation', '! rm x'], ['two negations', '! ! rm x'], ['time', 'time rm x'], ['time -p', 'time -p rm x'], ['if', 'if ls; then rm x; fi'], ['else', 'if ls; then ls; else rm x; fi'], ['elif', 'if ls; then ls; elif rm x; then ls; fi'],
    ['while', 'while rm x; do ls; done'], ['for', 'for i in a; do rm x; done'], ['for without in', 'for i do rm x; done'], ['C-style for', 'for ((;;)); do rm x; done'], ['select', 'select i in a; do rm x; done'], ['case', 'case a in a) rm x;; esac'], ['case fall-through', 'case a in b) ls;& a) rm x;;& esac'],
    ['a function', 'f() { rm x; }; f'], ['a function with keyword', 'function f { rm x; }'], ['a function of a subshell', 'f() (rm x)'], ['coproc', 'coproc rm x'], ['named coproc', 'coproc N { rm x; }'],
    ['command substitution', 'echo $(rm x)'], ['in quotes', 'echo "a $(rm x)"'], ['backquotes', 'echo `rm x`'], ['backquotes in quotes', 'echo "`rm x`"'], ['backquotes in backquotes', 'echo `echo \\`rm x\\``'], ['three deep', 'echo `echo \\`echo \\\\\\`rm x\\\\\\`\\``'],
    ['substitutions in substitutions', 'echo $(echo $(echo $(rm x)))'], ['a semicolon in a substitution', 'echo $(ls;rm x)'], ['a parenthesis in a case in a substitution', 'echo $(case a in a) rm x;; esac)'], ['a here-document in a substitution', 'echo $(cat <<E\n)\nE\nrm x)'],
    ['a comment in a substitution', 'echo $(ls # )\nrm x)'], ['process substitution', 'cat <(rm x)'], ['output process substitution', 'ls > >(rm x)'], ['an assignment', 'a=$(rm x)'], ['an array', 'a=($(rm x))'], ['an array\'s index', 'a[$(rm x)]=1'], ['a default', 'echo ${a:-$(rm x)}'],
    ['an assigned default', ': ${a:=$(rm x)}'], ['an alternative', 'echo ${a:+$(rm x)}'], ['an error text', 'echo ${a:?$(rm x)}'], ['a removed pattern', 'echo ${a#$(rm x)}'], ['a replaced pattern', 'echo ${a/$(rm x)/b}'], ['a replacement', 'echo ${a/b/$(rm x)}'], ['a slice', 'echo ${a:$(rm x)}'],
    ['a subscript', 'echo ${a[$(rm x)]}'], ['arithmetic', 'echo $(($(rm x)))'], ['an arithmetic subscript', 'echo $((a[$(rm x)]))'], ['old arithmetic', 'echo $[$(rm x)]'], ['an arithmetic command', '((a[$(rm x)]))'], ['a conditional', '[[ -f $(rm x) ]]'], ['a conditional subscript', '[[ -v a[$(rm x)] ]]'],
    ['a conditional comparison', '[[ $(rm x) -eq 1 ]]'], ['a conditional pattern', '[[ a =~ $(rm x) ]]'], ['a here-document', 'cat <<E\n$(rm x)\nE'], ['a here-document with backquotes', 'cat <<E\n`rm x`\nE'], ['an indented here-document', 'cat <<-E\n\t$(rm x)\n\tE'], ['after a here-document', 'cat <<E\nx\nE\nrm x'],
    ['after a here-document with a quoted end', 'cat <<"E"\n$(ls)\nE\nrm x'], ['after two', 'cat <<A <<B\na\nA\nb\nB\nrm x'], ['on a here-document\'s line', 'cat <<E; rm x\ny\nE'], ['a here-string', 'cat <<< $(rm x)'], ['a redirection\'s name', 'ls > $(rm x)'], ['a case\'s word', 'case $(rm x) in a) ls;; esac'],
    ['a case\'s pattern', 'case a in $(rm x)) ls;; esac'], ['a for\'s words', 'for i in $(rm x); do ls; done'], ['a pattern', 'ls *$(rm x)*'], ['a bracket', 'ls [$(rm x)]'], ['braces', 'ls {a,$(rm x)}'], ['after a comment', 'ls # a\nrm x'], ['after a word with a hash', 'ls a#b; rm x'],
    ['after an assignment', 'A=b rm x'], ['after a redirection', '> f rm x'], ['after a joined redirection', '2>&1 rm x'], ['before a redirection', 'rm<x'], ['eval', 'eval rm x'], ['eval of a string', 'eval "rm x"'], ['eval of pieces', 'eval r m x; eval "r"\'m x\''], ['eval of eval', 'eval eval eval rm x'],
    ['exec', 'exec rm x'], ['exec -a', 'exec -a ls rm x'], ['command', 'command rm x'], ['command -p', 'command -p rm x'], ['builtin', 'builtin rm x'], ['env', 'env rm x'], ['env -i', 'env -i A=b rm x'], ['env -u', 'env -u A rm x'], ['nohup', 'nohup rm x'], ['nice', 'nice rm x'], ['nice -n', 'nice -n 5 rm x'], ['nice -5', 'nice -5 rm x'],
    ['timeout', 'timeout -k 1 5 rm x'], ['stdbuf', 'stdbuf -oL rm x'], ['setsid', 'setsid -f rm x'], ['ionice', 'ionice -c 3 rm x'], ['taskset', 'taskset 1 rm x'], ['strace', 'strace -o f rm x'], ['xargs', 'ls | xargs rm'], ['xargs with options', 'ls | xargs -0 -n 1 -I {} rm {}'], ['find -exec', 'find . -exec rm {} \\;'],
    ['find -exec +', 'find . -exec rm {} +'], ['find -execdir', 'find . -execdir rm {} \\;'], ['find -ok', 'find . -ok rm {} \\;'], ['the second -exec', 'find . -exec ls {} \\; -exec rm {} \\;'], ['sh -c', 'sh -c "rm x"'], ['bash -lc', "bash -lc 'rm x'"], ['sh -ec', 'sh -ec "rm x"'], ['sh -c -e', 'sh -c -e "rm x"'], ['sh -c --', 'sh -c -- "rm x"'],
    ['bash -o', 'bash -o pipefail -c "rm x"'], ['sh in sh', `sh -c 'sh -c "rm x"'`], ['sh by here-document', 'sh <<E\nrm x\nE'], ['sh by here-string', 'bash <<< "rm x"'], ['sudo', 'sudo rm x'], ['sudo -u', 'sudo -u bob rm x'], ['sudo -E -n', 'sudo -E -n -- rm x'], ['sudo with variables', 'sudo A=b rm x'], ['sudo sh', 'sudo sh -c "rm x"'],
    ['doas', 'doas -u bob rm x'], ['su', 'su -c "rm x"'], ['su to somebody', 'su - bob -c "rm x"'], ['chroot', 'chroot /x rm x'], ['nsenter', 'nsenter -t 1 -m rm x'], ['unshare', 'unshare -r rm x'], ['ssh', 'ssh h rm x'], ['ssh with options', 'ssh -p 22 -o A=b bob@h "ls; rm x"'], ['docker exec', 'docker exec -it c rm x'], ['docker run', 'docker run --rm i rm x'],
    ['kubectl exec', 'kubectl exec -n ns p -- rm x'], ['flock', 'flock f rm x'], ['flock -c', 'flock f -c "rm x"'], ['script', 'script -c "rm x" f'], ['watch', 'watch -n 1 rm x'], ['busybox', 'busybox rm x'], ['systemd-run', 'systemd-run --user rm x'], ['tar checkpoint', 'tar cf a b --checkpoint=1 --checkpoint-action=exec="rm x"'],
    ['tar --to-command', 'tar xf a --to-command="rm x"'], ['tar -I', 'tar -I "rm x" -xf a'], ['rsync -e', 'rsync -e "rm x" a h:b'], ['rsync joined', 'rsync --rsh="rm x" a h:b'], ['git sshCommand', 'git -c core.sshCommand="rm x" fetch'], ['git alias', "git -c alias.x='!rm x' x"], ['git pager', "git -c core.pager='rm x' log"],
    ['git ext', 'git clone "ext::rm x"'], ['ssh ProxyCommand', 'scp -o ProxyCommand="rm x" a h:b'], ['nc -e', 'nc -e rm h 1'], ['socat', 'socat - EXEC:"rm x"'], ['sort', 'sort --compress-program=rm f'], ['man', 'man -P "rm x" ls'], ['sudo in env in timeout', 'timeout 5 env A=b sudo -n nice rm x'], ['time twice', 'time time rm x'],
    ['a carriage return before it', 'ls;\rrm x'.replace('\r', ' ')], ['tabs', 'ls\t;\trm\tx'], ['a coproc in a function', 'f() { coproc rm x; }'], ['trailing comment', 'rm x # ls'], ['two lines of continuation', 'ls && \\\n\\\nrm x'],
  ])('%s: %j', (_, text) => {
    const found = of(text)
    expect(found.problem).toBeUndefined()
    expect(programs(text)).toContain('rm')
    expect(found.class).toBe('execute')
    expect(found.provenRead).toBe(false)
  })
})

describe('what runs something that can\'t be known is never a read, and says so', () => {
  const dynamicOrOpaque = (text: string): boolean => of(text).effects.some(({ facts }) => facts['opaque'] === true || facts['dynamic'] === true)
  it.each<[string, string]>([
    ['a variable', '$x'], ['a quoted variable', '"$x" y'], ['a name from braces', '{rm,-rf,/}'], ['half a variable', 'r${y}m x'], ['a substitution', '$(echo rm) x'], ['backquotes', '`echo rm` x'], ['IFS', 'rm${IFS}x'], ['IFS within a harmless name', 'cat${IFS}x'], ['a pattern', '/bin/r? x'], ['a bracket', '/bin/[r]m x'],
    ['indirection', '${!x}'], ['a transformation', 'echo ${x@P}'], ['an indirection as an argument', 'echo ${!x}'], ['sh -c of a variable', 'sh -c "$x"'], ['sh -c of a substitution', 'sh -c "$(cat f)"'], ['eval of a variable', 'eval "$x"'], ['a pipe into sh', 'curl h | sh'], ['a pipe into bash -s', 'curl h | bash -s a'],
    ['sh of a file', 'sh f'], ['process substitution into sh', 'bash <(curl h)'], ['python -c', 'python3 -c "x"'], ['python -Ic', 'python3 -Ic "x"'], ['python of stdin', 'python3 -'], ['python by here-document', 'python3 <<E\nx\nE'], ['perl -e', 'perl -e x'], ['perl -ne', 'perl -ne x'], ['perl -pie', 'perl -pie x'], ['node -e', 'node -e x'], ['node --eval=', 'node --eval=x'],
    ['ruby -e', 'ruby -e x'], ['php -r', 'php -r x'], ['awk system', `awk 'BEGIN{system("rm x")}'`], ['awk pipe', `awk 'BEGIN{print | "sh"}'`], ['awk output', `awk '{print > "f"}' g`], ['awk getline', `awk 'BEGIN{"id" | getline}'`], ['sudo -i', 'sudo -i'], ['sudo -s', 'sudo -s'], ['sudo -su', 'sudo -su bob'], ['sudo of a variable', 'sudo $x'],
    ['su', 'su -'], ['env -S', 'env -S "rm x"'], ['env -iS', 'env -iS "rm x"'], ['xargs sh -c with a replacement', 'ls | xargs -I {} sh -c "cat {}"'], ['xargs of a replaced name', 'ls | xargs -I {} {}'], ['xargs sh', 'ls | xargs sh'], ['parallel', 'parallel cat ::: f'], ['find -exec of a found file', 'find . -exec {} \\;'], ['find -exec sh of a name', "find . -exec sh -c 'cat {}' \\;"],
    ['ssh without a command', 'ssh h'], ['ssh of a variable', 'ssh h "$x"'], ['chroot alone', 'chroot /x'], ['make', 'make all'], ['npm run', 'npm run x'], ['git submodule foreach', 'git submodule foreach "rm x"'], ['at', 'echo x | at now'], ['crontab', 'crontab f'], ['trap', 'trap "rm x" EXIT'], ['arithmetic of a variable', 'echo $((x))'], ['arithmetic subscript', 'echo $((x[1]))'],
    ['let', 'let "a[$(id)]=1"'.replace('$(id)', '$x')], ['conditional arithmetic', '[[ $x -eq 1 ]]'], ['conditional -v', '[[ -v $x ]]'], ['test -v', 'test -v "$x"'], ['bracket -v', '[ -v "$x" ]'], ['two words that may be -v and a subscript', '[ "$x" "$y" ]'], ['a redirection of a variable', 'cat < $x'], ['a watch', 'watch'], ['a screen', 'screen'], ['wrapper of a wrapper of a variable', 'nice timeout 5 env $x'],
    ['an array as a command', '"${a[@]}"'], ['docker with another entry point', 'docker run --entrypoint x i'], ['zsh -c', 'zsh -c x'], ['fish -c', 'fish -c x'], ['gdb', 'gdb -ex x'], ['psql -c', 'psql -c x'],
  ])('%s: %j', (_, text) => {
    const found = of(text)
    expect(found.provenRead).toBe(false)
    expect(found.class).toBe('execute')
    expect(dynamicOrOpaque(text)).toBe(true)
  })
})

describe('what writes, waits in the background or changes what follows is no read', () => {
  it.each<[string, string]>([
    ['output', 'ls > f'], ['appended', 'ls >> f'], ['clobbered', 'ls >| f'], ['read and written', 'ls <> f'], ['both', 'ls &> f'], ['both appended', 'ls &>> f'], ['both, the old way', 'ls >& f'], ['numbered', 'ls 2> f'], ['two digits', 'ls 10>f'], ['a variable for the number', 'ls {fd}>f'], ['of a group', '{ ls; } > f'], ['of a subshell', '(ls) > f'],
    ['of a loop', 'for i in a; do ls; done > f'], ['of a condition', 'if ls; then ls; fi > f'], ['of nothing', '> f'], ['of exec', 'exec > f'], ['of a negation', '! ls > f'], ['in the middle', 'ls > f -l'], ['at the beginning', '> f ls'], ['in a substitution', 'echo $(ls > f)'], ['in quotes', 'ls > "f"'], ['beside a harmless one', 'ls > f 2>/dev/null'],
    ['a name like /dev/null', 'ls > /dev/nullx'], ['another way to write /dev/null', 'ls > /dev/../f'], ['a host', 'cat < /dev/tcp/h/1'], ['a host, doubled slashes', 'cat < //dev//tcp/h/1'], ['a host, written', 'ls > /dev/udp/h/1'], ['a pattern', 'ls > f*'], ['tee', 'ls | tee f'], ['the background', 'ls &'], ['the background, later', 'ls & ls'], ['a background group', '{ ls; } &'],
    ['PATH', 'PATH=. ls'], ['PATH for what follows', 'PATH=.; ls'], ['LD_PRELOAD', 'LD_PRELOAD=./x ls'], ['BASH_ENV', 'BASH_ENV=x bash -c ls'], ['ENV', 'ENV=x sh -c ls'], ['IFS', 'IFS=x; ls'], ['PS4', "PS4='$(rm x)' bash -xc ls"], ['zsh\'s path', 'path=.; ls'], ['by export', 'export PATH=.'], ['by export, quoted', 'export "PATH=."'], ['by export, in pieces', 'export PA""TH=.'],
    ['by declare', 'declare -x PATH=.'], ['by read', 'read PATH'], ['by printf -v', 'printf -v PATH .'], ['by printf -v in a subscript', "printf -v 'a[$(rm x)]' b"], ['by for', 'for PATH in .; do ls; done'], ['by a default', ': ${PATH:=.}'], ['by arithmetic', ': $((PATH=1))'], ['by env', 'env PATH=. ls'], ['by a locale in a directory', 'LC_ALL=../../tmp/x ls'], ['an array', 'a=(b)'], ['an appended variable', 'a+=b'],
    ['a function', 'ls() { echo; }; ls'], ['an alias', "alias ls=rm; ls"], ['an option', 'set -x'], ['positional parameters', 'set -- a b'], ['shopt', 'shopt -s expand_aliases'], ['hash', 'hash -p /tmp/x ls'], ['enable', 'enable -f x y'], ['source', 'source f'], ['dot', '. f'], ['unset of an element', "unset 'a[$(rm x)]'"], ['mapfile', 'mapfile -C x a'], ['wait', 'wait -p x'],
    ['another program of the name', './cat f'], ['another directory', '/tmp/cat f'], ['home', '~/bin/cat f'], ['a way out of /bin', '/bin/../tmp/cat f'], ['an unknown program', 'frobnicate'], ['an empty name', '""'], ['sort -o', 'sort -o f g'], ['sort -of', 'sort -of g'], ['sort --output', 'sort --output=f g'], ['sort, abbreviated', 'sort --out=f g'], ['sort of a pattern', 'sort *'], ['sort of a variable', 'sort $x'], ['sort of a quoted variable', 'sort "$x"'],
    ['uniq to a file', 'uniq a b'], ['uniq to a pattern', 'uniq a*'], ['find -delete', 'find . -delete'], ['find -fprint', 'find . -fprint f'], ['find -fls', 'find . -fls f'], ['find of a variable', 'find . $x'], ['find of a pattern', 'find *'], ['find from a file', 'find -files0-from f'], ['date', 'date 010100002030'], ['date -s', 'date -s now'], ['date --set', 'date --set=now'], ['date -us', 'date -us now'], ['date, abbreviated', 'date --se=now'],
    ['hostname', 'hostname x'], ['sed -i', 'sed -i s/a/b/ f'], ['sed -ni', 'sed -ni p f'], ['sed --in-place', 'sed --in-place p f'], ['sed w', "sed 'w f' g"], ['sed s///w', "sed 's/a/b/w f' g"], ['sed e', "sed '1e rm x' g"], ['sed s///e', "sed 's/a/b/e' g"], ['sed after a semicolon', "sed 'p;w f' g"], ['sed in braces', "sed '/a/{w f\n}' g"], ['sed of a file', 'sed -f f g'], ['the second -e of sed', "sed -e p -e 'w f' g"], ['sed, joined -e', "sed '-ew f' g"],
    ['awk -f', 'awk -f f g'], ['gawk in place', "gawk -i inplace '{print}' f"], ['awk of a variable', 'awk "$x" f'], ['systemctl restart', 'systemctl restart x'], ['systemctl status on another host', 'systemctl -H h status x'], ['journalctl --vacuum', 'journalctl --vacuum-time=1d'], ['journalctl --rotate', 'journalctl --rotate'], ['journalctl\'s cursor', 'journalctl --cursor-file=f'], ['dmesg -c', 'dmesg -c'], ['mount', 'mount a b'],
    ['ip', 'ip link set x down'], ['ip of a file', 'ip -batch f'], ['ss -K', 'ss -K'], ['file -C', 'file -C'], ['crontab -r', 'crontab -r'], ['git, whose repository names programs', 'git status'], ['git diff', 'git diff'], ['xargs of a program with options that write', 'ls | xargs sort'], ['find -exec of one', 'find . -exec sort {} \\;'], ['command of one', 'command sort -o f'], ['privileged', 'sudo ls'], ['elsewhere', 'ssh h ls'], ['nohup', 'nohup ls'],
    ['timeout of sudo', 'timeout 5 sudo ls'], ['an interactive shell', 'bash -ic ls'], ['a shell with a file', 'bash --rcfile f -c ls'], ['a shell that traces', 'sh -xc ls'], ['backquotes in a text for a shell', "sh -c 'echo `id`'"], ['braces in one', "bash -c 'ls {a,b}'"], ['a function in one', "sh -c 'ls() { cat f; }; ls'"], ['the background in one', "sh -c 'ls & ls'"], ['a shell in the background', 'sh -c ls &'], ['a quoted reserved word', '"if" ls'], ['a carriage return', 'ls\r'], ['a non-breaking space', 'ls\u00a0x'], ['an escape character', 'ls \u001b'], ['history expansion in csh', 'ls `x`'],
  ])('%s: %j', (_, text) => {
    const found = of(text)
    expect(found.provenRead).toBe(false)
    expect(['execute', 'unrecognised']).toContain(found.class)
  })
})

describe('what can\'t be read is unrecognised and says why', () => {
  it.each<[string, string]>([
    ['a parenthesis that the parser drops', 'ls(rm'], ['one at the end', 'ls('], ['an open here-document', 'cat <<E\nx'], ['an end of one with an open quote', "<<E'rm"], ['a form of substitution of the newest bash', 'echo ${ rm x; }'], ['another', 'echo ${|rm x; }'], ['an open quote', "echo 'a"], ['an open double quote', 'echo "a'], ['an open substitution', 'echo $(rm x'], ['an open expansion', 'echo ${a'], ['an open backquote', 'echo `rm x'], ['an open arithmetic', 'echo $((1'], ['an open group', '{ ls'], ['an open subshell', '(ls'], ['a stray parenthesis', 'ls)'], ['a parenthesis after a command', 'ls (rm x)'], ['zsh\'s glob qualifiers', "ls *(e:'rm x':)"],
    ['an extended pattern', 'ls @(a|b)'], ['one for the program', '/bin/@(rm) x'], ['one that runs something', 'ls @($(rm x))'], ['fish\'s substitution', 'echo (rm x)'], ['a stray fi', 'fi'], ['a stray done', 'ls; done'], ['if without then', 'if ls; fi'], ['an operator without a command', 'ls &&'], ['a pipe without one', '| ls'], ['two operators', 'ls ; ; ls'], ['a redirection without a name', 'ls >'], ['an error within a substitution', 'echo $(if)'], ['within backquotes', 'echo `if`'], ['within quotes', 'echo "$(fi)"'], ['within an expansion', 'echo ${a:-$(fi)}'],
    ['within arithmetic', 'echo $((1+$(fi)))'], ['within a conditional', '[[ $(fi) ]]'], ['within a here-document', 'cat <<E\n$(fi)\nE'], ['within a process substitution', 'cat <(fi)'], ['within a pattern', 'ls [$(fi)]'], ['within braces', 'ls {a,$(fi)}'], ['NUL', 'ls\0rm x'], ['half a surrogate pair', 'ls \ud800'], ['what stands for invalid UTF-8', 'ls \ufffd'],
  ])('%s: %j', (_, text) => {
    const found = of(text)
    expect(found.class).toBe('unrecognised')
    expect(found.problem).toMatch(/^[\x20-\x7e]{4,200}$/)
    expect(found.effects).toEqual([{ action: 'ssh.unrecognised', class: 'unrecognised', facts: {} }])
  })

  it('does not quote the text in its problem', () => {
    expect(of('hunter2)').problem).not.toContain('hunter2')
    expect(of('if hunter2; fi hunter2').problem).not.toContain('hunter2')
  })

  it.each<[string, string]>([
    ['subshells', `${'('.repeat(10_000)}a${')'.repeat(10_000)}`], ['substitutions', `echo ${'$('.repeat(10_000)}a${')'.repeat(10_000)}`], ['expansions', `echo ${'${x:-'.repeat(10_000)}a${'}'.repeat(10_000)}`], ['arithmetic', `echo $((${'('.repeat(10_000)}1${')'.repeat(10_000)}))`],
    ['groups', `${'{ '.repeat(10_000)}a;${' }'.repeat(10_000)}`], ['conditions', `${'if '.repeat(10_000)}a; ${'then b; fi; '.repeat(10_000)}`], ['process substitutions', `a ${'<('.repeat(10_000)}b${')'.repeat(10_000)}`], ['cases', `${'case a in a) '.repeat(5000)}b${';; esac'.repeat(5000)}`], ['conditionals', `[[ ${'( '.repeat(10_000)}a${' )'.repeat(10_000)} ]]`],
    ['evals', `${'eval '.repeat(200)}ls`], ['wrappers', `${'nice '.repeat(500)}ls`], ['sudo', `${'sudo '.repeat(5000)}ls`], ['many programs', Array.from({ length: 100 }, (_value, index) => `p${index}`).join(';')], ['half-open substitutions', '$('.repeat(30_000)], ['half-open arithmetic', '$(('.repeat(2000)], ['half-open tests', '(('.repeat(3000)], ['half-open backquotes', '`'.repeat(9999)],
    ['too long a text', `ls ${'a'.repeat(textBytesMax)}`],
  ])('%s without end', (_, text) => {
    expect(of(text).class).toBe('unrecognised')
  })

  it.each<[string, string]>([
    ['here-documents of 64 KiB', `cat <<E\n${'x $(y) \n'.repeat(8000)}E\n`], ['many words', 'a '.repeat(60_000)], ['many pipes', `a${'|a'.repeat(1500)}`], ['many braces', `echo ${'{a,'.repeat(10_000)}b${'}'.repeat(10_000)}`], ['many negations', `${'! '.repeat(50_000)}a`], ['many quotes', `echo ${'""'.repeat(50_000)}`], ['many backslashes', `echo ${'\\\\'.repeat(50_000)}`], ['many assignments', `${'a=b '.repeat(20_000)}ls`],
    ['many here-documents', `cat ${'<<E '.repeat(2000)}\n${'x\nE\n'.repeat(2000)}`], ['comments', `ls ${'# '.repeat(30_000)}(`], ['comments and a parenthesis', `ls(${'# '.repeat(30_000)}(`], ['many redirections', `ls ${'>f '.repeat(20_000)}`],
  ])('%s are read, or unrecognised, in time', (_, text) => {
    expect(['read', 'execute', 'unrecognised']).toContain(of(text).class)
  })

  it('stands for texts that never reached it', () => {
    const found = unrecognised('rm x é', 'it took too long')
    expect(found).toMatchObject({ class: 'unrecognised', provenRead: false, problem: 'it took too long', literals: [[0, 7]] })
    expect((found.detail as ShellDetail).changesShell).toBe(true)
    expect(unrecognised('', 'x').literals).toEqual([])
  })
})
