/** Injection tokens of this service. */
export const DATABASE = Symbol('Database')
export const CLOCK = Symbol('Clock')
export const STORE = Symbol('ApprovalStore')
