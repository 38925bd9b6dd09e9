/**
 * Keeps the view of an entity as long as nothing that it is made of changed, so that the identity of a view tells whether it changed.
 */
export class ViewCache<V extends object> {
  #entries = new Map<string, { readonly parts: readonly unknown[]; readonly view: V }>()

  /**
   * The views of all these entities; what is not among them is forgotten.
   * @param partsOf all that decides the view, as values to be compared by identity
   */
  update<T>(
    entities: Iterable<T>,
    keyOf: (entity: T) => string,
    partsOf: (entity: T) => readonly unknown[],
    build: (entity: T) => V,
  ): ReadonlyMap<string, V> {
    const next = new Map<string, { readonly parts: readonly unknown[]; readonly view: V }>()
    const views = new Map<string, V>()
    for (const entity of entities) {
      const key = keyOf(entity)
      const parts = partsOf(entity)
      const old = this.#entries.get(key)
      const entry = old !== undefined && same(old.parts, parts) ? old : { parts, view: build(entity) }
      next.set(key, entry)
      views.set(key, entry.view)
    }
    this.#entries = next
    return views
  }
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index])
}
