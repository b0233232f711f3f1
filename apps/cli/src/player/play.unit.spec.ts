import { expect, test } from '@jest/globals'
import { play } from './play.js'

const lines = async function* (...events: readonly unknown[]): AsyncIterable<string> {
  for (const event of [{ version: 2, width: 80, height: 24 }, ...events]) yield JSON.stringify(event)
}

/** Plays with keys that are pressed once so much has been shown; answers what was shown, and said. */
const watch = async (events: readonly unknown[], presses: readonly { readonly after: string; readonly keys: string }[], more: { readonly speed?: number } = {}) => {
  let shown = ''
  const said: string[] = []
  const due = [...presses]
  const how = await play({
    lines: lines(...events), speed: more.speed ?? 64, idleMaxS: 0.5,
    out: (text) => { shown += text },
    say: (text) => { said.push(text) },
    keys: () => (due.length > 0 && shown.endsWith(due[0]!.after) ? [...due.shift()!.keys] : []),
  })
  return { how, shown, said }
}
const three = [[0.01, 'o', 'one '], [0.02, 'i', 'secret typed'], [0.03, 'o', 'two '], [0.04, 'o', 'three']]

test('a recording is shown as it went, without what was typed, and long pauses are cut', async () => {
  expect(await watch([...three, [10_000, 'o', ' late']], [])).toMatchObject({ how: 'ended', shown: 'one two three late' })
})

test('it pauses, goes on by one output, then by itself, and stops', async () => {
  const { how, shown, said } = await watch(three, [{ after: 'one ', keys: ' ' }, { after: 'one ', keys: '.' }, { after: 'two ', keys: 'q' }])
  expect({ how, shown }).toEqual({ how: 'stopped', shown: 'one two ' })
  expect(said[0]).toContain('paused')
  expect(await watch(three, [{ after: 'one ', keys: ' ' }, { after: 'one ', keys: ' ' }])).toMatchObject({ how: 'ended', shown: 'one two three' })
  expect(await watch(three, [{ after: 'one ', keys: '\u0003' }])).toMatchObject({ how: 'stopped', shown: 'one ' })
})

test('it changes its speed within bounds', async () => {
  const { said } = await watch(three, [{ after: 'one ', keys: '+++--------------' }], { speed: 16 })
  expect([said[1], said[2], said.at(-1)]).toEqual(['speed 64×', 'speed 64×', 'speed 0.125×'])
})

test('a search runs forward to what was written, also across outputs, and pauses there', async () => {
  const events = [[0, 'o', 'a'], ...Array.from({ length: 50 }, (_, index) => [index, 'o', `line ${index}\r\n`]), [60, 'o', 'need'], [61, 'o', 'le'], [62, 'o', ' after']]
  const found = await watch(events, [{ after: 'a', keys: '/nex\u007fedle\r' }, { after: 'needle', keys: 'q' }])
  expect(found.how).toBe('stopped')
  expect(found.shown.endsWith('needle')).toBe(true)
  expect(found.said.at(-1)).toContain('found "needle"')
  expect((await watch(events, [{ after: 'a', keys: '/nowhere\r' }])).said.at(-1)).toContain('does not come up')
})

test('what is no asciicast is refused', async () => {
  const other = (async function* () { yield '{"version": 3}' })()
  await expect(play({ lines: other, out: () => undefined, say: () => undefined, keys: () => [], speed: 1, idleMaxS: 1 })).rejects.toThrow(SyntaxError)
})
