/** Injection tokens of this service. */
export const DATABASE = Symbol('Database')
export const RULES = Symbol('MaskingRules')
export const PLANS = Symbol('Plans')
