import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { describe, expect, it } from '@jest/globals'

interface Sample {
  readonly what: string
  readonly file: string
  readonly text: string
  readonly rule: string | undefined
}

const BOUNDARY = '@nx/enforce-module-boundaries'
const uses = (imported: string): string => `import * as imported from '${imported}'\n\nexport const used = imported\n`

// Each text stands in for an existing file, so that it belongs to a project and to the type check.
const samples: readonly Sample[] = [
  { what: 'a protocol that talks to the bus', file: 'libs/protocols/postgres/src/limits.ts', text: uses('@sallyport/messaging'), rule: BOUNDARY },
  { what: 'a protocol that knows the contracts between services', file: 'libs/protocols/postgres/src/limits.ts', text: uses('@sallyport/contracts/policy'), rule: BOUNDARY },
  { what: 'a protocol on the kit', file: 'libs/protocols/postgres/src/limits.ts', text: uses('@sallyport/protocol-kit'), rule: undefined },
  { what: 'the kit that knows a protocol', file: 'libs/protocols/kit/src/refusal.ts', text: uses('@sallyport/protocol-postgres'), rule: BOUNDARY },
  { what: 'an app that imports an app', file: 'apps/approval/src/limits.ts', text: uses('@sallyport/masking'), rule: BOUNDARY },
  { what: 'an app that imports a protocol itself', file: 'apps/approval/src/limits.ts', text: uses('@sallyport/protocol-postgres'), rule: BOUNDARY },
  { what: 'an app that reaches into another package by path', file: 'apps/approval/src/limits.ts', text: uses('../../masking/src/index.js'), rule: BOUNDARY },
  { what: 'source that uses the test servers', file: 'apps/approval/src/limits.ts', text: uses('@sallyport/testing'), rule: BOUNDARY },
  { what: 'a spec that uses the test servers', file: 'apps/approval/src/approval.unit.spec.ts', text: uses('@sallyport/testing'), rule: undefined },
  { what: 'the composition root with an app', file: 'apps/standalone/src/secrets.ts', text: uses('@sallyport/masking'), rule: undefined },
  { what: 'the platform that knows an app', file: 'libs/platform/messaging/src/append.ts', text: uses('@sallyport/api'), rule: BOUNDARY },
  { what: 'a contract that knows the platform', file: 'libs/contracts/src/ids/index.ts', text: uses('@sallyport/messaging'), rule: BOUNDARY },
  { what: 'a protocol that opens sockets', file: 'libs/protocols/postgres/src/limits.ts', text: uses('node:net'), rule: 'no-restricted-imports' },
  { what: 'an engine that reads files', file: 'libs/policy-engine/src/limits.ts', text: uses('node:fs'), rule: 'no-restricted-imports' },
  { what: 'a contract on a framework', file: 'libs/contracts/src/ids/index.ts', text: uses('@nestjs/common'), rule: 'no-restricted-imports' },
  { what: 'a default export', file: 'apps/approval/src/limits.ts', text: 'const limit = 1\nexport default limit\n', rule: 'no-restricted-exports' },
  { what: 'inheritance', file: 'apps/approval/src/limits.ts', text: 'class Base {}\nexport class Derived extends Base {}\n', rule: 'no-restricted-syntax' },
  { what: 'source that reads the environment', file: 'apps/approval/src/limits.ts', text: 'export const home = process.env[\'HOME\']\n', rule: 'no-restricted-properties' },
]

describe('lint', () => {
  it('reports every import and form that the architecture forbids, and no allowed one', () => {
    const out = execFileSync(process.execPath, [path.join(import.meta.dirname, 'lint-texts.mjs')], {
      input: JSON.stringify(samples.map(({ file, text }) => ({ file, text }))),
      // Where CI is set, Nx's rule does not look again at what it takes the projects to be, and misses imports.
      env: { ...process.env, NX_DAEMON: 'false', CI: 'false' },
      encoding: 'utf8',
      stdio: 'pipe',
    })
    const found = JSON.parse(out.slice(out.lastIndexOf('\n'))) as string[][]
    const summary = samples.map(({ what, rule }, index) => [what, rule === undefined ? found[index] : found[index]!.includes(rule)])
    expect(summary).toEqual(samples.map(({ what, rule }) => [what, rule === undefined ? [] : true]))
  })
})
