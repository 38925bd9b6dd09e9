/** A value that changes by whole new values, and those who want to know. */
export interface Store<T> {
  get(): T
  update(step: (state: T) => T): void
  /** Returns the unsubscribe. */
  subscribe(listener: () => void): () => void
}

export function createStore<T>(initial: T): Store<T> {
  let state = initial
  const listeners = new Set<() => void>()
  return {
    get: () => state,
    update(step) {
      const next = step(state)
      if (Object.is(next, state)) return
      state = next
      for (const listener of listeners) listener()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}
