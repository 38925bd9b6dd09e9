import { useCallback, useContext, useEffect, useState } from 'preact/hooks'
import type { Answer } from '../api/client.js'
import { PageContext } from '../state/page-context.js'

/** What was asked for last and came; a problem stands beside what came before it. */
export interface Asked<T> {
  readonly value: T | undefined
  /** Empty: the last question was answered. */
  readonly problem: string
  /** The problem is that no answer came: nothing is said of what was asked for. */
  readonly isUnreachable: boolean
  /** Asks now. */
  readonly again: () => void
}

interface Kept<T> {
  readonly path: string
  readonly value?: T
  readonly problem: string
  readonly isUnreachable: boolean
}

/**
 * Asks the API at once and again every so often as long as it is shown, one question at a time; not while the page is hidden.
 * @param path below `/api/v1`; undefined: nothing is asked
 * @param everyMs 0: only at once, and when told to
 * @param key another one asks at once
 */
export function useAsked<T>(path: string | undefined, everyMs: number, key = ''): Asked<T> {
  const { client } = useContext(PageContext)
  const [answer, setAnswer] = useState<Kept<T>>()
  const [round, setRound] = useState(0)
  const again = useCallback(() => setRound((now) => now + 1), [])
  useEffect(() => {
    if (path === undefined) return undefined
    let wanted = true
    let timer = 0
    const later = (): void => {
      if (wanted && everyMs > 0) timer = window.setTimeout(() => void ask(), everyMs)
    }
    const ask = async (): Promise<void> => {
      if (document.hidden) return later()
      const got: Answer<T> = await client.ask<T>(path)
      if (!wanted || got.status === 'signed-out') return
      const problem = got.status === 'ok' ? '' : got.message
      const isUnreachable = got.status === 'unreachable'
      setAnswer((before) => {
        const kept = before?.path === path ? before : { path }
        return got.status === 'ok'
          ? { path, value: got.value, problem, isUnreachable }
          : { ...kept, problem, isUnreachable }
      })
      later()
    }
    void ask()
    return () => {
      wanted = false
      clearTimeout(timer)
    }
  }, [client, path, everyMs, key, round])
  const mine = answer?.path === path ? answer : undefined
  return {
    value: mine?.value,
    problem: mine?.problem ?? '',
    isUnreachable: mine?.isUnreachable === true,
    again,
  }
}
