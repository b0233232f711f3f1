// Figures beside their floors.
import { median } from './pgbench.mjs'

const of = (measured, kind, figure) => median(measured.filter((one) => one.kind === kind).map(({ results }) => figure(results)))
const has = (measured, kind) => measured.some((one) => one.kind === kind)

/** Each figure: what it must be (`atLeast` or `atMost`), and what it is: a median over the rounds of a ratio or difference within one round. */
export const figuresOf = ({ measured, idle }) => {
  const figures = []
  if (has(measured, 'throughput')) {
    figures.push(
      { name: 'select-only, 8 clients: stream ÷ pgbouncer', unit: '×', atLeast: 0.2, is: of(measured, 'throughput', (r) => r.stream.tps / r.pgbouncer.tps) },
      { name: 'select-only, 8 clients: stored ÷ pgbouncer', unit: '×', atLeast: 0.12, is: of(measured, 'throughput', (r) => r.stored.tps / r.pgbouncer.tps) },
      { name: 'select-only, 8 clients: stream ÷ direct', unit: '×', is: of(measured, 'throughput', (r) => r.stream.tps / r.direct.tps) },
      { name: 'select-only, 8 clients: stored ÷ direct', unit: '×', is: of(measured, 'throughput', (r) => r.stored.tps / r.direct.tps) },
    )
  }
  if (has(measured, 'latency')) {
    const more = (end) => of(measured, 'latency', (r) => r[end].latencyMedianMs - r.direct.latencyMedianMs)
    const commit = of(measured, 'latency', (r) => r.commit.latencyMedianMs)
    figures.push(
      { name: 'median latency, 1 client: stream − direct', unit: 'ms', atMost: 0.25, is: more('stream') },
      { name: 'median latency, 1 client: stored − direct', unit: 'ms', atMost: 0.5 + commit, is: more('stored'), note: `0.5 ms + one commit of the control database (${commit.toFixed(3)} ms)` },
      { name: 'median latency, 1 client: pgbouncer − direct', unit: 'ms', is: more('pgbouncer') },
    )
  }
  if (has(measured, 'rows')) {
    figures.push(
      { name: '20,000 rows, one masked column: stream ÷ pgbouncer', unit: '×', atLeast: 0.7, is: of(measured, 'rows', (r) => r.stream.tps / r.pgbouncer.tps) },
      { name: '20,000 rows, one masked column: stored ÷ pgbouncer', unit: '×', atLeast: 0.7, is: of(measured, 'rows', (r) => r.stored.tps / r.pgbouncer.tps) },
    )
  }
  for (const { tls, sessions, perSessionKb } of idle) {
    figures.push({ name: `${sessions} idle sessions: memory each, ${tls ? 'TLS on both sides' : 'no TLS'}`, unit: 'KB', atMost: tls ? 192 : 48, is: perSessionKb })
  }
  const stores = measured.flatMap(({ results }) => Object.values(results).flatMap(({ store }) => (store === undefined ? [] : [store])))
  if (stores.length > 0) figures.push({ name: 'store behind at the end of a load, at worst: back to zero after', unit: 's', atMost: 5, is: Math.max(...stores.map(({ settledMs }) => settledMs)) / 1000, note: `"within seconds"; at most ${Math.max(...stores.map(({ behindAtEnd }) => behindAtEnd))} commands behind` })
  return figures.map((figure) => ({ ...figure, passed: passes(figure) }))
}

const passes = ({ atLeast, atMost, is }) => (atLeast === undefined && atMost === undefined ? undefined : atLeast === undefined ? is <= atMost : is >= atLeast)

const digits = (unit, value) => value.toFixed(unit === 'KB' ? 1 : unit === 'ms' ? 3 : 2)
const demand = ({ atLeast, atMost, unit }) => (atLeast !== undefined ? `≥ ${digits(unit, atLeast)} ${unit}` : atMost !== undefined ? `≤ ${digits(unit, atMost)} ${unit}` : '')

export const tableOf = (figures) => {
  const rows = figures.map((figure) => [figure.name, demand(figure), `${digits(figure.unit, figure.is)} ${figure.unit}`, figure.passed === undefined ? '' : figure.passed ? 'pass' : 'FAIL', figure.note ?? ''])
  const head = ['figure', 'floor', 'measured', '', '']
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)))
  return [head, ...rows].map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd()).join('\n')
}
