import { ApiError } from './errors.js'

/** Settles like the work, or rejects when that takes longer; the work itself goes on and its outcome is dropped. */
export async function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs / 1000} s`)), deadlineMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

const queryDeadlineMs = 15_000

/**
 * A query to the time-series store, with a deadline.
 * @throws ApiError store-failed
 */
export async function storeQuery<T>(work: Promise<T>): Promise<T> {
  try {
    return await withDeadline(work, queryDeadlineMs)
  } catch (error) {
    throw storeQueryFailed(error)
  }
}

export function storeQueryFailed(error: unknown): ApiError {
  const reason = error instanceof Error ? error.message : String(error)
  return new ApiError('store-failed', `the time-series store failed: ${reason}`, {}, { cause: error })
}
