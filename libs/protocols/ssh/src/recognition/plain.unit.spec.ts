import { describe, expect, it } from '@jest/globals'
import { parse } from './parse.js'
import { readsAlike } from './plain.js'

const alike = (text: string): boolean => {
  const parsed = parse(text)
  if (parsed.kind === 'problem') throw new Error(parsed.problem)
  return readsAlike(text, parsed.shell.commands)
}

describe('the second reading', () => {
  it.each([
    'ls', 'ls -la /tmp', 'c""at "a b" \'c d\' e\\ f', 'cat a | grep "x $y" | wc -l', 'a && b || c; d\ne', 'a $(b "$(c d)") "${e}"', '(a; b) > f', '{ a; b; } 2>&1', 'if a; then b; elif c; then d; else e; fi',
    'for i in a b *.c; do wc "$i"; done', 'while read x; do echo "$x"; done < f', '! a', 'x=1 y="2 $z" a', 'x=1', 'a # comment ; rm\nb', 'a 2>/dev/null', 'a < f > g >> h 2>&1', '[ -f a ] && b',
    'a \\\n b', 'a *.c ?x [ab]c', 'find . -name "*.c" -print', 'xargs -I {} echo {}', 'echo "a\nb"', "echo 'a\nb'", 'echo $', 'echo "$"', 'echo "50%"', 'echo a$b', '', '\n\n', '# nothing', 'a;', 'a |\n b', 'a &&\n\n b',
    'if a\nthen b\nfi', 'echo "a\\$b \\" \\x"', 'echo é', 'a >&2', '(a)', '( (a); b )', 'echo done', 'echo if', 'a 2> /dev/null',
    'echo $1 "$@" $? $#', 'x=$(a b) c', 'FOO=bar', '{ a; }', 'until a; do b; done', 'while true; do a; done', 'date +%s', 'date "+%Y-%m-%d %H:%M"', 'echo a=b', 'echo ~', 'ls ~/x',
  ])('agrees with the parser on %j', (text) => {
    expect(alike(text)).toBe(true)
  })

  it.each([
    'a &', 'a & b', 'echo `a`', 'echo $((1))', "echo $'a'", 'echo $"a"', 'echo {a,b}', 'cat <<E\nx\nE', 'cat <<< x', 'a &> f', 'a |& b', 'cat <(a)', '[[ -f a ]]', '((1))', 'case a in a) b;; esac', 'f() { a; }',
    'function f { a; }', 'time a', 'coproc a', 'a=(1 2)', 'a[1]=2', 'echo ${a:-b}', 'echo ${!a}', 'echo ${a@P}', 'echo $a[1]', 'a <> f', 'a >| f', 'a > $f', 'a\rb', 'a\u00a0b', 'a >&f', 'a {x}>f', 'select i in a; do b; done',
    'for ((;;)); do a; done', 'for i; do a; done', 'x+=1', 'echo $[1]',
  ])('gives up on %j', (text) => {
    expect(alike(text)).toBe(false)
  })

  it('finds any difference', () => {
    const commands = (text: string) => {
      const parsed = parse(text)
      return parsed.kind === 'shell' ? parsed.shell.commands : []
    }
    expect(readsAlike('ls a', commands('ls a'))).toBe(true)
    expect(readsAlike('ls a', commands('ls b'))).toBe(false)
    expect(readsAlike('ls a; rm b', commands('ls a'))).toBe(false)
    expect(readsAlike('ls a', commands('ls a; ls a'))).toBe(false)
    expect(readsAlike('ls "a"', commands('ls a'))).toBe(false)
    expect(readsAlike('x=1 ls', commands('ls'))).toBe(false)
    expect(readsAlike('ls > f', commands('ls'))).toBe(false)
    expect(readsAlike('!', [])).toBe(false)
    expect(readsAlike('! ! ls', commands('ls'))).toBe(false)
  })
})
