import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { EchoedInput } from './echoed-input.js'

const keeper = () => {
  const kept: string[] = []
  const input = new EchoedInput((line) => kept.push(line.toString()))
  let now = 0
  return {
    kept,
    type: (text: string) => input.typed(Buffer.from(text), now),
    show: (text: string) => input.shown(Buffer.from(text), now),
    pass: (ms: number) => { now += ms },
  }
}

describe('what is typed', () => {
  test('is kept line by line when the terminal has shown it, key by key or at once', () => {
    const { kept, type, show } = keeper()
    for (const key of 'ls -l') {
      type(key)
      show(key)
    }
    type('\r')
    show('\r\n')
    type('whoami\r')
    show('whoami\r\nroot\r\n$ ')
    expect(kept).toEqual(['ls -l\r', 'whoami\r'])
  })

  test('is not kept when nothing comes back: a password', () => {
    const { kept, type, show } = keeper()
    type('sudo id\r')
    show('sudo id\r\nPassword: ')
    for (const key of 'hunter2') type(key)
    type('\r')
    show('\r\nuid=0(root)\r\n# ')
    type('pwd\r')
    show('pwd\r\n/\r\n# ')
    expect(kept).toEqual(['sudo id\r', 'pwd\r'])
  })

  test('is not kept when something else comes back: a password with stars, a screen that is redrawn', () => {
    const { kept, type, show } = keeper()
    for (const key of 'secret') {
      type(key)
      show('*')
    }
    type('\r')
    show('\r\n')
    expect(kept).toEqual([])
  })

  test('is not kept when what follows the password happens to begin like it', () => {
    const { kept, type, show } = keeper()
    type('Welcome1\r')
    show('\r\nWelcome1 is what it is not\r\n')
    expect(kept).toEqual([])
  })

  test('is not kept when it comes back too late', () => {
    const { kept, type, show, pass } = keeper()
    type('secret')
    pass(1001)
    show('secret')
    type('\r')
    show('\r\n')
    expect(kept).toEqual([])
  })

  test('is not kept from the middle of a line on: the rest of a password whose beginning was guessed', () => {
    const { kept, type, show } = keeper()
    type('s')
    show('some job of the background is done')
    type('ecret\r')
    show('\r\n')
    expect(kept).toEqual([])
  })

  test('is kept with the keys that edit it', () => {
    const { kept, type, show } = keeper()
    for (const [key, echo] of [['l', 'l'], ['z', 'z'], ['\x7f', '\b\x1b[K'], ['s', 's'], ['\r', '\r\n']] as const) {
      type(key)
      show(echo)
    }
    expect(kept).toEqual(['lz\x7fs\r'])
  })

  test('is never kept with a sign that the target has not shown', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.string({ unit: fc.constantFrom('a', 'b', '\r', '\x7f', '\x1b[C'), maxLength: 4 }), fc.string({ unit: fc.constantFrom('a', 'b', '\r\n', '\b'), maxLength: 4 }))), (steps) => {
      const { kept, type, show } = keeper()
      let shown = ''
      for (const [typed, echo] of steps) {
        type(typed)
        show(echo)
        shown += echo
      }
      // Each sign that was kept stands in what was shown, in its order.
      let at = 0
      for (const sign of kept.join('').replaceAll(/[^ab]/g, '').replaceAll('\x1b[C', '')) {
        at = shown.indexOf(sign, at) + 1
        expect(at).toBeGreaterThan(0)
      }
    }))
  })
})
