export type { DemoCast, DemoChapter, DemoRest, DemoScreen, DemoSet } from './chapter.js'
