/**
 * What masking a byte stream costs, in ns per byte: `node bench/masking/stream.mjs` after a build. Log lines, lines of a build, and a
 * terminal's coloured ones, in chunks of 32 KiB; with the detectors that most rules name, then with all, then with a pattern of one's own.
 */
import { compilePlan } from '@sallyport/masking-engine'

const BYTES = 100 * 1024 * 1024
const CHUNK = 32 * 1024
const ROUNDS = 3
const usual = ['email', 'credit_card', 'aws_access_key', 'private_key', 'jwt', 'generic_secret']
const number = (() => {
  let state = 42
  // xorshift32: the same input in every run.
  return (max) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % max
  }
})()
const hex = (count) => Array.from({ length: count }, () => number(16).toString(16)).join('')
const uuid = () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`
const lines = {
  'log lines': () => `2026-11-22T18:44:${String(number(60)).padStart(2, '0')}.${number(900) + 100}Z INFO orders-api request id=${uuid()} method=GET path=/v1/orders/${number(90000)} status=200 duration=${number(90)}ms\n`,
  'log lines, 1 % with an address': () => `2026-11-22T18:44:44.123Z INFO orders-api request id=${uuid()} path=/v1/orders/${number(90000)} user=${number(100) === 0 ? 'bob@example.com' : 'bob'} status=200\n`,
  'build output': () => `[${number(400)}/400] cc -O2 -Wall -c src/module${number(99)}/file${number(99)}.c -o build/module${number(99)}/file.o\n`,
  'coloured listing': () => `-rw-r--r-- 1 root root ${number(90000)} Nov 22 18:44 \u001b[01;34mdirectory${number(999)}\u001b[0m\r\n`,
  'JSON without line ends': () => `{"id":"${uuid()}","total":${number(90000)},"status":"shipped"},`,
}
const plans = {
  usual: [{ detectors: usual, patterns: [] }],
  'all detectors': [{ detectors: [...usual, 'national_id'], patterns: [] }],
  'usual and CN-[0-9]{8}': [{ detectors: usual, patterns: [{ name: 'p', pattern: 'CN-[0-9]{8}' }] }],
}
const sample = (line) => {
  const parts = []
  for (let size = 0; size < 4 * 1024 * 1024; size += parts.at(-1).length) parts.push(line())
  return Buffer.from(parts.join(''))
}

const results = []
for (const [name, line] of Object.entries(lines)) {
  const bytes = sample(line)
  for (const [rules, [{ detectors, patterns }]] of Object.entries(plans)) {
    const plan = compilePlan({ revision: 1, outputs: [], detection: [{ rule: 'r', detectors, patterns, transform: { kind: 'redact' } }], touchesMasked: false, columnRules: false, hashKey: Buffer.alloc(32).toString('base64') })
    let best = Infinity
    for (let round = 0; round < ROUNDS; round += 1) {
      const mask = plan.stream({ hold: 'line', delayMaxMs: 20, binary: 'mask' })
      const start = performance.now()
      let done = 0
      while (done < BYTES / 4) {
        for (let at = 0; at < bytes.length; at += CHUNK) mask.write(bytes.subarray(at, at + CHUNK), 0)
        done += bytes.length
      }
      mask.end()
      best = Math.min(best, ((performance.now() - start) * 1e6) / done)
    }
    results.push({ input: name, rules, nsPerByte: Number(best.toFixed(2)), 'MB/s': Math.round(1000 / best) })
  }
}
console.table(results)

const plan = compilePlan({ revision: 1, outputs: [], detection: [{ rule: 'r', detectors: usual, patterns: [], transform: { kind: 'redact' } }], touchesMasked: false, columnRules: false, hashKey: Buffer.alloc(32).toString('base64') })
const terminal = plan.stream({ hold: 'viable', delayMaxMs: 20, binary: 'mask' })
const typed = Buffer.from('kubectl get pods --namespace orders | grep -v Running; ls -la src/main\r\n')
let keys = 0
let held = 0
const start = performance.now()
for (let round = 0; round < 2000; round += 1) {
  for (let at = 0; at < typed.length; at += 1) {
    keys += 1
    if (terminal.write(typed.subarray(at, at + 1), 0).length === 0) held += 1
    terminal.release(1000)
  }
}
console.log(`a keystroke's echo: ${(((performance.now() - start) * 1000) / keys).toFixed(1)} µs, ${((held * 100) / keys).toFixed(1)} % of them wait`)
