import { StringDecoder } from 'node:string_decoder'

/** Keys as they are pressed, without Enter and without their echo. `close` gives the terminal back. */
export interface Keyboard {
  pressed(): readonly string[]
  close(): void
}

export const openKeyboard = (input: NodeJS.ReadStream): Keyboard => {
  let keys: string[] = []
  const decoder = new StringDecoder('utf8')
  const onData = (chunk: Buffer): void => { keys.push(...decoder.write(chunk)) }
  input.setRawMode(true)
  input.on('data', onData)
  return {
    pressed: () => {
      const now = keys
      keys = []
      return now
    },
    close: () => {
      input.off('data', onData)
      input.setRawMode(false)
      input.pause()
    },
  }
}
