import { describe, expect, test } from '@jest/globals'
import { fields, table, time } from './table.js'
import { visibleLines } from './visible.js'

describe('a table', () => {
  test('aligns its columns, also under wide characters, and marks what is empty or cut off', () => {
    expect(table(['ID', 'TEXT', 'END'], [['1', '日本', 'x'], ['22', '', 'y'], ['3', 'a'.repeat(70), 'z']])).toBe([
      `ID  TEXT${' '.repeat(56)}  END`, `1   日本${' '.repeat(56)}  x`, `22  -${' '.repeat(59)}  y`, `3   ${'a'.repeat(59)}…  z`, '',
    ].join('\n'))
  })

  test('keeps a row on one line, and a terminal from obeying what is in it', () => {
    expect(table(['A'], [['delete\n  from t \u001b[2J\u202e']])).toBe('A\ndelete from t \\x1b[2J\\u{202e}\n')
    expect(visibleLines('a\r\nb\tc\u0007')).toBe('a\nb  c\\x07')
  })

  test('of names and values leaves out what is not there', () => {
    expect(fields([['who', 'ada'], ['owner', undefined], ['until', time('2026-11-22T19:00:01.234Z')]])).toBe('who    ada\nuntil  2026-11-22 19:00:01 UTC\n')
  })
})
