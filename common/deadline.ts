/**
 * Runs `work` with a signal that aborts when `stop` does or when `ms` have passed. Unlike `AbortSignal.any` on a signal
 * that lives as long as the program, it leaves nothing behind on `stop`.
 */
export async function withDeadline<Result>(
  ms: number,
  stop: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  const abort = (): void => controller.abort(stop.reason)
  const timer = setTimeout(() => controller.abort(new DeadlineExceeded(`not done within ${ms} ms`)), ms)
  stop.addEventListener('abort', abort, { once: true })
  if (stop.aborted) abort()
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', abort)
  }
}

/** Rejects with these words when `signal` aborts: for a race with work that does not look at it. */
export function rejectedBy(signal: AbortSignal, message: string): Promise<never> {
  return new Promise((_, reject) => {
    const refuse = (): void => reject(new Error(message, { cause: signal.reason }))
    if (signal.aborted) refuse()
    else signal.addEventListener('abort', refuse, { once: true })
  })
}

export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded'
}
