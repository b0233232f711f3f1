export { chapter } from './chapter.js'
