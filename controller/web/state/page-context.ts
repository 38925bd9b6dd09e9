import { createContext } from 'preact'
import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import { createClient, type ApiClient } from '../api/client.js'
import { emptyState } from './page-state.js'
import type { PageState } from './page-state.js'
import { createStore } from './store.js'
import type { Store } from './store.js'

/** What main.tsx made and every part of the page may use. */
export interface PageContext {
  readonly store: Store<PageState>
  readonly client: ApiClient
  /** The browser's clock, ms. */
  readonly clock: () => number
  /** Starts over after being signed out. */
  readonly reconnect: () => void
  /** Forgets everything: the session has ended. */
  readonly signOut: () => void
}

/** Outside of the page's tree there is no data and nothing is asked. */
const outside: PageContext = {
  store: createStore(emptyState),
  client: createClient({
    fetch: () => Promise.reject(new Error('not started')),
    deadlineMs: 1000,
    onSignedOut: () => undefined,
  }),
  clock: () => 0,
  reconnect: () => undefined,
  signOut: () => undefined,
}

export const PageContext = createContext<PageContext>(outside)

/** What `select` says of the state; renders again when that changes. It must return the same object for the same state. */
export function usePage<T>(select: (state: PageState) => T): T {
  const { store } = useContext(PageContext)
  const [, setRound] = useState(0)
  const selected = select(store.get())
  const shown = useRef({ select, selected })
  shown.current = { select, selected }
  useEffect(() => {
    const check = (): void => {
      if (!Object.is(shown.current.select(store.get()), shown.current.selected)) setRound((round) => round + 1)
    }
    check() // something may have changed between render and effect
    return store.subscribe(check)
  }, [store])
  return selected
}

/** The controller's clock, ms, renewed every `everyMs`. */
export function useControllerTime(everyMs: number): number {
  const { store, clock } = useContext(PageContext)
  const [now, setNow] = useState(clock)
  useEffect(() => {
    const timer = setInterval(() => setNow(clock()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs, clock])
  return now + (store.get().clockLeadMs ?? 0)
}
