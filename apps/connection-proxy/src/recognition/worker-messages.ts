import type { Recognition } from '@sallyport/protocol-kit'

/** To the worker. */
export interface RecogniseRequest {
  readonly id: number
  readonly protocol: string
  readonly text: string
  readonly settings: Readonly<Record<string, string>>
}

/** From the worker. After `broke`, and after an answer with `spent`, it must not be used again. */
export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'recognised'; readonly id: number; readonly recognition: Recognition; readonly spent: boolean }
  | { readonly kind: 'broke'; readonly id: number }
