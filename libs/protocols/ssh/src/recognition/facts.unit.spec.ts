import { describe, expect, it } from '@jest/globals'
import type { Facts } from '@sallyport/protocol-kit'
import { type ShellDetail, actions, facts, harmlessProblem, recognise } from './index.js'

/** Facts of each effect without those that say nothing. */
const factsOf = (text: string, settings: Record<string, string> = {}): readonly Facts[] => recognise(text, settings).effects.map((effect) =>
  Object.fromEntries(Object.entries(effect.facts).filter(([name, value]) => value !== false && !(Array.isArray(value) && value.length === 0) && name !== 'programs' && name !== 'commandCount')))

describe('facts', () => {
  it.each<[string, readonly object[]]>([
    ['ls -l /tmp/', [{ program: 'ls', arguments: ['-l', '/tmp/'], pathsRead: ['/tmp'] }]],
    ['/usr/bin/ls', [{ program: 'ls', programPath: '/usr/bin/ls' }]],
    ['rm -rf /a/../b ./c', [{ program: 'rm', arguments: ['-rf', './c', '/a/../b'], pathsWritten: ['/b', 'c'] }]],
    ['cp a b c', [{ program: 'cp', arguments: ['a', 'b', 'c'], pathsRead: ['a', 'b'], pathsWritten: ['c'] }]],
    ['cp -t d a b', [{ program: 'cp', arguments: ['-t', 'a', 'b', 'd'], pathsRead: ['a', 'b'], pathsWritten: ['d'] }]],
    ['mv a b', [{ program: 'mv', arguments: ['a', 'b'], pathsRead: ['a', 'b'], pathsWritten: ['a', 'b'] }]],
    ['dd if=/dev/sda of=x bs=1M', [{ program: 'dd', arguments: ['bs=1M', 'if=/dev/sda', 'of=x'], pathsRead: ['/dev/sda'], pathsWritten: ['x'], escapes: true }]],
    ['chmod 600 f', [{ program: 'chmod', arguments: ['600', 'f'], pathsWritten: ['f'] }]],
    ['sed -i s/a/b/ f', [{ program: 'sed', arguments: ['-i', 'f', 's/a/b/'], pathsRead: ['f'], pathsWritten: ['f'], interpreter: true, escapes: true }]],
    ['curl -o f https://h/x', [{ program: 'curl', arguments: ['-o', 'f', 'https://h/x'], pathsWritten: ['f'], network: true }]],
    ['wget -P /tmp https://h/x', [{ program: 'wget', arguments: ['-P', '/tmp', 'https://h/x'], pathsWritten: ['/tmp'], network: true }]],
    ['tar xzf a.tgz -C /opt', [{ program: 'tar', arguments: ['-C', '/opt', 'a.tgz', 'xzf'], pathsRead: ['a.tgz'], pathsWritten: ['/opt'], escapes: true }]],
    ['tar -czf a.tgz dir', [{ program: 'tar', arguments: ['-czf', 'a.tgz', 'dir'], pathsWritten: ['a.tgz'], escapes: true }]],
    ['find /a -name x -delete', [{ program: 'find', arguments: ['-delete', '-name', '/a', 'x'], pathsWritten: ['/a'], escapes: true }]],
    ['grep -r -e x src', [{ program: 'grep', arguments: ['-e', '-r', 'src', 'x'], pathsRead: ['src'] }]],
    ['echo a > f 2>> g < h', [{ program: 'echo', arguments: ['a'], pathsRead: ['h'], pathsWritten: ['f', 'g'], redirects: true }]],
    ['> f', [{ pathsWritten: ['f'], redirects: true }]],
    ['cat < /dev/tcp/h/80', [{ program: 'cat', pathsRead: ['/dev/tcp/h/80'], network: true }]],
    ['PATH=/x A=b ls', [{ program: 'ls', environment: ['A', 'PATH'], riskyEnvironment: true }]],
    ['x=1', [{ environment: ['x'] }]],
    ['LD_PRELOAD=x', [{ environment: ['LD_PRELOAD'], riskyEnvironment: true }]],
    ['export PATH=/x', [{ program: 'export', arguments: ['PATH=/x'], environment: ['PATH'], riskyEnvironment: true }]],
    ['sleep 9 &', [{ program: 'sleep', arguments: ['9'], background: true }]],
    ['rm $x "a b"', [{ program: 'rm', arguments: ['a b'], pathsWritten: ['a b'], dynamic: true }]],
    ['rm *.log', [{ program: 'rm', arguments: ['*.log'], pathsWritten: ['*.log'] }]],
    ['$x a', [{ arguments: ['a'], opaque: true, dynamic: true }]],
    ['sudo -u bob rm x', [{ program: 'sudo', arguments: ['-u', 'bob'], privileged: true }, { program: 'rm', via: ['sudo'], arguments: ['x'], pathsWritten: ['x'], privileged: true }]],
    ['ssh -p 22 h "rm x"', [{ program: 'ssh', arguments: ['-p', '22', 'h'], network: true, escapes: true }, { program: 'rm', via: ['ssh'], arguments: ['x'], pathsWritten: ['x'], elsewhere: true }]],
    ['docker exec c cat f', [{ program: 'docker', arguments: ['c', 'exec'], network: true, escapes: true }, { program: 'cat', via: ['docker'], arguments: ['f'], pathsRead: ['f'], elsewhere: true }]],
    ['docker ps', [{ program: 'docker', arguments: ['ps'], network: true, escapes: true }]],
    ['python3 -c "print(1)"', [{ program: 'python3', arguments: ['-c', 'print(1)'], interpreter: true, opaque: true, escapes: true }]],
    ['python3 x.py', [{ program: 'python3', arguments: ['x.py'], interpreter: true, escapes: true }]],
    ['bash x.sh a', [{ program: 'bash', arguments: ['a', 'x.sh'], pathsRead: ['a', 'x.sh'], interpreter: true, opaque: true }]],
    ['bash -c "rm x"', [{ program: 'bash', arguments: ['-c'], interpreter: true }, { program: 'rm', via: ['bash'], arguments: ['x'], pathsWritten: ['x'] }]],
    ['vim f', [{ program: 'vim', arguments: ['f'], pathsWritten: ['f'], escapes: true }]],
    ['cd /a && rm b', [{ program: 'cd', arguments: ['/a'], pathsRead: ['/a'] }, { program: 'rm', arguments: ['b'], pathsWritten: ['/a/b', 'b'] }]],
    ['cd a; cd b; rm c', [{ program: 'cd', arguments: ['a'], pathsRead: ['a'] }, { program: 'cd', arguments: ['b'], pathsRead: ['b'] }, { program: 'rm', arguments: ['c'], pathsWritten: ['c'] }]],
    ['(cd /a); rm b', [{ program: 'cd', arguments: ['/a'], pathsRead: ['/a'] }, { program: 'rm', arguments: ['b'], pathsWritten: ['b'] }]],
    ['rm x; rm x', [{ program: 'rm', arguments: ['x'], pathsWritten: ['x'] }]],
  ])('%j', (text, expected) => {
    expect(factsOf(text)).toEqual(expected)
  })

  it('name every program of the text on every effect', () => {
    const { effects } = recognise('ls $(id) | xargs sudo rm; x=1', {})
    expect(effects.length).toBe(6)
    for (const effect of effects) expect(effect.facts).toMatchObject({ programs: ['id', 'ls', 'rm', 'sudo', 'xargs'], commandCount: 4 })
  })

  it('give relative paths below the directory, where that is known', () => {
    expect(factsOf('rm ../a /b', { directory: '/srv/x' })[0]).toMatchObject({ pathsWritten: ['../a', '/b', '/srv/a'] })
    expect(factsOf('cd y && rm a', { directory: '/srv/x' })[1]).toMatchObject({ pathsWritten: ['/srv/x/y/a', 'a'] })
    expect(factsOf('rm a; cd y', { directory: '/srv/x' })[0]).toMatchObject({ pathsWritten: ['a'] })
    expect(factsOf('rm a', { directory: 'relative' })[0]).toMatchObject({ pathsWritten: ['a'] })
    expect(factsOf('rm ~/a', { directory: '/srv/x' })[0]).toMatchObject({ pathsWritten: ['~/a'] })
  })

  it('are all declared, as is every action', () => {
    for (const text of ['ls', 'sudo rm $x > f &', 'x=1', 'scp -t a', '$(', 'cat <(ls)', 'f() { ls; }']) {
      for (const effect of recognise(text, {}).effects) {
        expect(actions).toHaveProperty([effect.action], effect.class)
        for (const [name, value] of Object.entries(effect.facts)) {
          const type = { boolean: 'boolean', integer: 'number', string: 'string', strings: 'object' }[facts[name as keyof typeof facts]]
          expect([name, typeof value]).toEqual([name, type])
        }
      }
    }
  })
})

describe('what is hidden', () => {
  const hidden = (text: string): { readonly literals: readonly string[]; readonly secrets: readonly string[] } => {
    const found = recognise(text, {})
    const cut = ([from, to]: readonly [number, number]): string => Buffer.from(text).subarray(from, to).toString()
    return { literals: found.literals.map(cut), secrets: (found.secrets ?? []).map(cut) }
  }

  it.each<[string, readonly string[]]>([
    ['mysql -u root -phunter2 db', ['-phunter2']], ['mysql --password=hunter2', ['--password=hunter2']], ['deploy --token hunter2 x', ['hunter2']], ['curl -u bob:hunter2 https://h', ['bob:hunter2']], ['curl https://bob:hunter2@h/x', ['https://bob:hunter2@h/x']], ['curl -H "Authorization: Bearer hunter2" h', ['"Authorization: Bearer hunter2"']],
    ['é=1 API_KEY=hunter2 run'.replace('é=1 ', 'echo é; '), ['hunter2']], ['export DB_PASSWORD="hunter2"', ['DB_PASSWORD="hunter2"']], ['sshpass -p hunter2 ssh h', ['hunter2']], ['redis-cli -a hunter2 get x', ['hunter2']], ['sh -c "mysql -phunter2"', ['"mysql -phunter2"']], ['echo `mysql -phunter2`', ['-phunter2']], ['git clone https://x:hunter2@h/r', ['https://x:hunter2@h/r']],
    ['echo ghp_hunter2', ['ghp_hunter2']], ['sudo env TOKEN=hunter2 x', ['TOKEN=hunter2']], ['docker run -e PASSWORD=hunter2 i', ['PASSWORD=hunter2']], ['ls -la /tmp', []], ['grep -p x', []],
  ])('secrets of %j', (text, expected) => {
    expect(hidden(text).secrets).toEqual(expected)
    expect(JSON.stringify(recognise(text, {}).effects)).not.toContain('hunter2')
  })

  it('are values too: quoted words, variables, here-documents', () => {
    expect(hidden('grep "a b" f; x=y; cat <<E\ntext\nE').literals).toEqual(['"a b"', 'y', 'text\n'])
    expect(hidden('cat <<< text').literals).toEqual(['text'])
    expect(hidden('ls a').literals).toEqual([])
  })
})

describe('fingerprints', () => {
  const same = (one: string, other: string): boolean => recognise(one, {}).fingerprint === recognise(other, {}).fingerprint
  it('are equal for texts that differ in quoted words and numbers', () => {
    expect(same('grep "a" f', 'grep "b c" f')).toBe(true)
    expect(same('kill 12', 'kill  345')).toBe(true)
    expect(same('head -n 5 f', 'head -n 50 f')).toBe(true)
  })
  it('differ in all else', () => {
    for (const other of ['ls b', 'ls -l a', 'ls > a', 'rm a', 'ls a &', 'ls a | ls', '(ls a); ls', 'x=1 ls a', 'ls $a', 'ls "a"']) expect(same('ls a', other)).toBe(false)
    expect(same('ls $(', 'ls $((')).toBe(false)
  })
})

describe('the list of harmless programs in a setting', () => {
  it('is checked', () => {
    expect(harmlessProblem('{"git": ["status"], "x-y_z.sh": []}')).toBeUndefined()
    for (const text of ['', '{', '[]', 'null', '"git"', '{"git": "status"}', '{"git": [1]}', '{"a b": []}', '{"../x": []}', '{"/bin/x": []}', `{"x": ["${'a'.repeat(70_000)}"]}`]) expect(harmlessProblem(text)).toMatch(/./)
  })
})

describe('whether the shell is another one afterwards', () => {
  it.each<[string, boolean]>([
    ['ls', false], ['cd x', true], ['cd x && ls', true], ['(cd x)', false], ['cd x | ls', false], ['cd x &', false], ['echo $(cd x)', false], ['sh -c "cd x"', false], ['x=1', true], ['x=1 ls', false], ['export A=b', true], ['f() { ls; }', true], ['alias a=b', true], ['set -e', true], ['. f', true], ['eval x', true], ['exit', true], ['$x', true], ['if cd x; then ls; fi', true], ['\\cd x', true], ['"cd" x', true],
    ['builtin cd x', true], ['exec ls', true], ['umask 077', true], ['for i in a; do cd x; done', true], ['{ cd x; }', true], ['read x', true], ['', false],
  ])('%j: %s', (text, expected) => {
    expect((recognise(text, {}).detail as ShellDetail).changesShell).toBe(expected)
  })
})
