/** A map that forgets its oldest entries: bounded memory for what can be asked again. */
export class BoundedMap<K, V> {
  private readonly map = new Map<K, V>()

  constructor(private readonly entriesMax: number) {}

  get(key: K): V | undefined {
    return this.map.get(key)
  }

  set(key: K, value: V): void {
    this.map.delete(key)
    if (this.map.size >= this.entriesMax) this.map.delete(this.map.keys().next().value as K)
    this.map.set(key, value)
  }
}
