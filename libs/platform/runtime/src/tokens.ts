/** Injection tokens of what the runtime provides to every service. */
export const BUS = Symbol('Bus')
export const LOGGER = Symbol('Logger')
export const METRICS = Symbol('Metrics')
export const READINESS = Symbol('Readiness')
export const INSTANCE = Symbol('Instance')
