import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DemoCast, DemoChapter, DemoSet } from '@sallyport/protocol-kit/demo'
import { protocols } from '@sallyport/protocols'

const CONFIGURATION = fileURLToPath(new URL('../../demo/configuration', import.meta.url))

/** A protocol's part of the demo, with its target running. */
export interface Chapter {
  readonly protocol: string
  readonly chapter: DemoChapter
  readonly set: DemoSet
}

const isAbsent = (error: unknown, name: string): boolean => (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' && (error as Error).message.includes(`'${name}'`)

const chapterOf = async (protocol: string): Promise<DemoChapter | undefined> => {
  const name = `@sallyport/protocol-${protocol}-demo`
  try {
    return ((await import(name)) as { chapter: DemoChapter }).chapter
  } catch (error) {
    if (isAbsent(error, name)) return undefined
    throw error
  }
}

/** Starts the targets of every protocol that has a part in the demo; `started` hears of each, to stop it. */
export const prepareChapters = async (env: NodeJS.ProcessEnv, started: (chapter: Chapter) => void): Promise<void> => {
  for (const { name } of protocols) {
    const chapter = await chapterOf(name)
    if (chapter !== undefined) started({ protocol: name, chapter, set: await chapter.prepare(env) })
  }
}

/** The demo's own configuration with that of its chapters, below `dir`; the agent may use their connections, too. */
export const writeConfiguration = (dir: string, port: number, sets: readonly DemoSet[]): string => {
  const configuration = path.join(dir, 'configuration')
  mkdirSync(configuration, { recursive: true })
  cpSync(CONFIGURATION, configuration, { recursive: true })
  const file = path.join(configuration, 'connection.yaml')
  const connections = ['orders-prod', ...sets.flatMap((set) => set.connections)].join(', ')
  writeFileSync(file, readFileSync(file, 'utf8').replace('port: 5432', `port: ${port}`).replace('connections: [orders-prod]', `connections: [${connections}]`))
  for (const [name, text] of sets.flatMap((set) => Object.entries(set.configuration))) writeFileSync(path.join(configuration, name), text)
  return configuration
}

export const playChapter = async ({ chapter, set }: Chapter, title: (text: string) => void, cast: DemoCast): Promise<void> => {
  title(chapter.title)
  cast.screen.note(chapter.introduction)
  await set.play(cast)
}
