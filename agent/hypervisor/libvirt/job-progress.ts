import { pause } from '../../../common/lifecycle.js'

const askEveryMs = 500

/** Asks how far a job is, and tells it, until the signal. An answer that fails is left out: the job itself says whether it works. */
export async function tellProgress<Done>(
  ask: () => Promise<Done | undefined>,
  tell: (done: Done) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pause(askEveryMs, signal)
    if (signal.aborted) return
    try {
      const done = await ask()
      if (done !== undefined) tell(done)
    } catch {
      // It is only for who waits.
    }
  }
}
