import { createContext } from 'preact'
import { useEffect, useState } from 'preact/hooks'

/** Goes to another view of the page. */
export const Navigate = createContext<(path: string) => void>(() => undefined)

/** The current path, and a way to another one that leaves a mark in the browser's history. */
export function usePath(): readonly [string, (path: string) => void] {
  const [path, setPath] = useState(location.pathname)
  useEffect(() => {
    const follow = (): void => setPath(location.pathname)
    addEventListener('popstate', follow)
    return () => removeEventListener('popstate', follow)
  }, [])
  const navigate = (next: string): void => {
    if (next === location.pathname) return
    history.pushState({ follows: location.pathname }, '', next)
    setPath(next)
    scrollTo(0, 0)
  }
  return [path, navigate]
}
