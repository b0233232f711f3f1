/** Injection tokens of this service. */
export const LEARNED = Symbol('Learned')
export const DATABASE = Symbol('Database')
export const DIRECTORY = Symbol('Directory')
export const CREDENTIALS = Symbol('Credentials')
export const GUARDS = Symbol('Guards')
export const CHANGES = Symbol('Changes')
export const TURNS = Symbol('Turns')
export const SERVICES = Symbol('Services')
