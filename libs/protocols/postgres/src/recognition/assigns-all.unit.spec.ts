import { beforeAll, expect, test } from '@jest/globals'
import { loadRecogniser, recognise } from './index.js'

beforeAll(loadRecogniser)

test.each([
  ['insert into customers values (1, \'a\')', true],
  ['insert into customers select 1, \'a\'', true],
  ['insert into customers (id) values (1)', false],
  ['merge into customers c using (select 1 as id) s on c.id = s.id when not matched then insert values (1, \'a\')', true],
])('values without the names of their columns are values of every column, masked ones too: %s', (text, everything) => {
  expect(recognise(text, {}).touches.everything).toBe(everything)
})
