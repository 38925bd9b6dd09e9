import { setPriority } from 'node:os'

/** Lets this process go before others, where that is allowed. */
export function preferThisProcess(): void {
  try {
    setPriority(-5)
  } catch {
    // Only root may.
  }
}
