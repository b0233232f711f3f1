import { expect, test } from '@jest/globals'
import { RpcError } from '@sallyport/contracts/rpc'
import { z } from 'zod'
import { Problem, problemFromZod, problemOf, problemSchema } from './problem.js'

test('errors between services become the client\'s, with where the fault is', () => {
  const codes = (['invalid', 'not-found', 'conflict', 'forbidden', 'unavailable', 'internal'] as const).map((code) => problemOf(new RpcError(code, 'text')).status)
  expect(codes).toEqual([422, 404, 409, 403, 503, 500])
  const faulty = problemOf(new RpcError('invalid', 'two faults', [{ file: 'a.yaml', line: 3, field: 'spec', message: 'wrong' }]))
  expect(faulty.body()).toMatchObject({ status: 422, code: 'invalid', detail: 'two faults', faults: [{ file: 'a.yaml', line: 3, field: 'spec', message: 'wrong' }] })
  expect(problemSchema.parse(faulty.body())).toEqual(faulty.body())
})

test('nothing unforeseen tells more than that it happened', () => {
  for (const thrown of [new Error('password=hunter2 at 10.0.0.5'), new RpcError('internal', 'hunter2'), 'hunter2', undefined]) {
    const body = problemOf(thrown).body()
    expect(body).toMatchObject({ status: 500, code: 'internal' })
    expect(JSON.stringify(body)).not.toMatch(/hunter2|10\.0\.0\.5|\.ts/)
  }
})

test('a fault of the request names its field', () => {
  const parsed = z.object({ ttl: z.number() }).strict().safeParse({ ttl: 'x', more: 1 })
  const problem = problemFromZod('invalid', 'body', parsed.error!)
  expect(problem).toBeInstanceOf(Problem)
  expect(problem.body().faults).toContainEqual(expect.objectContaining({ field: 'ttl' }))
})
