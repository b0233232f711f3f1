export { createRecogniser } from './recogniser.js'
export type { Recogniser, RecogniserOptions } from './recogniser.js'
