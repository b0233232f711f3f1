/** Injection tokens of this service. */
export const DATABASE = Symbol('Database')
export const SCHEMA = Symbol('PolicySchema')
export const POLICIES = Symbol('PolicySet')
export const DECISIONS = Symbol('Decisions')
