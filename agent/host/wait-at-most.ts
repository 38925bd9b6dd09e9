import { DeadlineExceeded } from '../../common/deadline.js'

/**
 * Waits for `work`, but not longer than `ms`, nor past an abort of `signal`. For work
 * that cannot be stopped, such as a system call on a dead file server; whoever started it has to bear with it.
 * @throws DeadlineExceeded, the signal's reason, or what `work` throws
 */
export async function waitAtMost<T>(work: Promise<T>, ms: number, what: string, signal?: AbortSignal): Promise<T> {
  const end = new AbortController()
  const late = new Promise<never>((_resolve, reject) => {
    const timer = setTimeout(() => reject(new DeadlineExceeded(`${what}: no answer within ${Math.round(ms)} ms`)), ms)
    const aborted = (): void => reject(signal?.reason instanceof Error ? signal.reason : new Error(`${what}: aborted`))
    if (signal?.aborted === true) aborted()
    signal?.addEventListener('abort', aborted, { once: true, signal: end.signal })
    end.signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  })
  try {
    return await Promise.race([work, late])
  } finally {
    end.abort()
  }
}
