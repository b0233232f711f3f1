import type { Screen } from './screen.js'

/** A step did not do what it says: the demo ends with status 1. */
export class StoryError extends Error {
  override readonly name = 'StoryError'
  readonly code = 'demo-step-failed'
}

/** Shows what was found to be so. Throws StoryError when it isn't. */
export const check = (screen: Screen, condition: boolean, what: string): void => {
  if (!condition) throw new StoryError(what)
  screen.checked(what)
}
