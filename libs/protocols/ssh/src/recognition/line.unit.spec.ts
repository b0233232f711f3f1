import { describe, expect, it } from '@jest/globals'
import { lineOf } from './index.js'

describe('a typed line', () => {
  it.each([
    'ls', '', '  ', '# a', 'ls # a \\', "echo 'a\\'", 'ls;', 'ls &', 'if a; then b; fi', 'cat <<E\nx\nE', 'cat <<E\nx\nE\n', 'a && b', 'f() { a; }', 'echo "a\nb"', 'echo a\\\\', 'for i in a; do b; done', 'case a in a) b;; esac', '{ a; }', '(a)', 'a | b', 'echo $((1))', "cat <<'E'\n\\\nE",
  ])('%j is complete', (text) => {
    expect(lineOf(text).state).toBe('complete')
  })

  it.each([
    "echo 'a", 'echo "a', 'echo "a $(b', 'echo $(a', 'echo `a', 'echo ${a', 'echo ${a:-"b', 'echo $((1', "echo $'a", 'ls \\', 'ls \\\\\\', 'a &&', 'a ||', 'a |', 'a && \n', 'if a', 'if a; then', 'if a; then b', 'if a; then b; else', 'if a; then b; elif c', 'while a', 'while a; do', 'while a; do b', 'until a; do', 'for i', 'for i in a b', 'for i in a; do', 'for i in a; do b',
    'case a in', 'case a in b)', 'case a in b) c', 'case a in b) c;;', '(a', '(a; b', '{ a', '{ a;', 'f() {', 'f()', 'f() { a', 'cat <<E', 'cat <<E\n', 'cat <<E\nx', 'cat <<A <<B\na\nA\nb', '[[ a', 'if a; then\nwhile b; do\necho "c', '((1', 'echo "$(if a; then', "sh -c 'ls", 'a=(b',
  ])('%j goes on', (text) => {
    expect(lineOf(text)).toEqual({ state: 'incomplete' })
  })

  it.each(['fi', 'a)', 'a ;; b', '; a', '| a', '&& a', 'done', 'if a; fi', 'if a; then b; done', 'while a; done', '(a))', '} a', 'a ( b', 'echo $(fi)', 'a\0b', 'ls @(a)'])('%j is invalid', (text) => {
    const line = lineOf(text)
    expect(line.state).toBe('invalid')
    expect(line).toHaveProperty('problem', expect.stringMatching(/./))
  })

  it('becomes complete by what ends it', () => {
    for (const [open, rest] of [['if a', '\nthen b\nfi'], ['echo "a', '\nb"'], ['cat <<E', '\nx\nE'], ['ls \\', '\n-l'], ['for i in a', '\ndo b\ndone'], ['a |', '\n b'], ['case a in', '\na) b;;\nesac']] as const) {
      expect(lineOf(open).state).toBe('incomplete')
      expect(lineOf(open + rest).state).toBe('complete')
    }
  })
})

describe('builtins of a line', () => {
  it.each<[string, readonly object[]]>([
    ['cd', [{ kind: 'cd', directory: undefined }]], ['cd /tmp', [{ kind: 'cd', directory: '/tmp' }]], ['cd "a b"', [{ kind: 'cd', directory: 'a b' }]], ['cd -', [{ kind: 'cd', directory: '-' }]], ['"cd" ..', [{ kind: 'cd', directory: '..' }]],
    ['export A=b C="d e" F', [{ kind: 'export', names: [{ name: 'A', value: 'b' }, { name: 'C', value: 'd e' }, { name: 'F', value: undefined }] }]], ['A=b', [{ kind: 'assign', names: [{ name: 'A', value: 'b' }] }]], ['A= B=c', [{ kind: 'assign', names: [{ name: 'A', value: '' }, { name: 'B', value: 'c' }] }]],
    ['unset A B', [{ kind: 'unset', names: ['A', 'B'] }]], ['exit', [{ kind: 'exit', status: undefined }]], ['exit 3', [{ kind: 'exit', status: 3 }]], ['logout', [{ kind: 'exit', status: undefined }]], ['exit 256', [{ kind: 'exit', status: 0 }]], ['pwd', [{ kind: 'pwd' }]], ['history', [{ kind: 'history' }]], ['alias ll="ls -l"', [{ kind: 'alias', arguments: ['ll=ls -l'] }]],
    ['cd a; cd b', [{ kind: 'cd', directory: 'a' }, { kind: 'cd', directory: 'b' }]], ['cd a && export B=c', [{ kind: 'cd', directory: 'a' }, { kind: 'export', names: [{ name: 'B', value: 'c' }] }]],
  ])('%j', (text, builtins) => {
    expect(lineOf(text)).toEqual({ state: 'complete', builtins, changesShell: text !== 'pwd' && !text.includes('\n'), empty: false })
  })

  it.each([
    'ls', 'cd a && ls', 'cd $x', 'cd $(ls)', 'cd ~', 'cd ~bob', 'cd *', 'cd -P a', 'cd a b', 'cd a > f', 'cd a &', '(cd a)', 'cd a | cd b', 'cd a || cd b', '! cd a', '{ cd a; }', 'if cd a; then cd b; fi', 'A=b cd c', 'export A=$b', 'export -n A', 'export A[1]=b', 'A=$b', 'A=(b)', 'A+=b', 'unset -f a', 'exit a', 'exit 1 2', 'pwd -P', 'history -c', 'builtin cd a', 'command cd a', 'export', 'A=$(rm x)',
  ])('%j has none or more than those', (text) => {
    expect(lineOf(text)).toMatchObject({ state: 'complete', builtins: undefined })
  })

  it('are none in an empty line', () => {
    expect(lineOf('# a')).toEqual({ state: 'complete', builtins: undefined, changesShell: false, empty: true })
  })
})
