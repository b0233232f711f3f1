// Where a CPU profile's time went: by kind of work, and by function.
const kinds = [
  ['idle', /^\(idle\)$/, /^/],
  ['garbage collection', /^\(garbage collector\)$/, /^/],
  ['native: sockets, crypto (program)', /^\(program\)$/, /^/],
  ['socket writes', /^(writev?|writeBuffer|writeUtf8String|writeLatin1String|writev|shutdown)$/, /^$/],
  ['Node: crypto', /^/, /^node:internal\/crypto/],
  ['Node: streams, net', /^/, /^node:(internal\/(streams|stream_base)|net|internal\/net|_tls|internal\/tls|stream)/],
  ['Node: rest', /^/, /^node:/],
  ['NATS client', /^/, /@nats-io/],
  ['messaging', /^/, /libs\/platform\/messaging/],
  ['protocol: PostgreSQL', /^/, /libs\/protocols\//],
  ['proxy: recording', /^/, /connection-proxy\/.*recording/],
  ['proxy: judging', /^/, /connection-proxy\/.*judging/],
  ['proxy: session, wire', /^/, /connection-proxy/],
  ['masking engine', /^/, /masking-engine/],
  ['metrics', /^/, /prom-client/],
  ['contracts, zod', /^/, /libs\/contracts|\/zod\//],
  ['audit-store', /^/, /audit-store/],
  ['PostgreSQL client', /^/, /node_modules\/pg/],
  ['native functions', /^/, /^$/],
  ['rest', /^/, /^/],
]

const kindOf = ({ functionName, url }) => kinds.find(([, name, place]) => name.test(functionName) && place.test(url))[0]
const placeOf = ({ functionName, url, lineNumber }) => `${functionName || '(anonymous)'} ${url.replace(/^.*\/(node_modules|main)\//, '')}${url === '' ? '' : `:${lineNumber + 1}`}`

/** Self time in milliseconds by kind and by function, the largest first. */
export const summarise = (profile) => {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
  const byKind = new Map()
  const byFunction = new Map()
  const add = (map, key, ms) => map.set(key, (map.get(key) ?? 0) + ms)
  profile.samples.forEach((id, index) => {
    const frame = nodes.get(id)
    const ms = Math.max(profile.timeDeltas[index], 0) / 1000
    add(byKind, kindOf(frame), ms)
    if (frame.functionName !== '(idle)') add(byFunction, placeOf(frame), ms)
  })
  const sorted = (map) => [...map].sort(([, one], [, other]) => other - one)
  return { kinds: sorted(byKind), functions: sorted(byFunction) }
}

/** As text, in microseconds for each of so many transactions. */
export const profileText = (profile, transactions, functionsMax = 40) => {
  const { kinds: byKind, functions } = summarise(profile)
  const line = ([name, ms]) => `  ${((ms * 1000) / transactions).toFixed(2).padStart(8)}  ${name}`
  const busy = byKind.filter(([name]) => name !== 'idle').reduce((sum, [, ms]) => sum + ms, 0)
  return [`${transactions} transactions, µs of CPU each: ${((busy * 1000) / transactions).toFixed(1)}`, ...byKind.filter(([name]) => name !== 'idle').map(line), 'by function', ...functions.slice(0, functionsMax).map(line)].join('\n')
}
