import { pause } from '../../common/lifecycle.js'

/**
 * Runs `work` at a steady beat, one run at a time: a run that outlasts its beat makes the beats it missed be skipped and
 * counted, never stacked. `intervalMs` is asked before every beat, so that it can change. Ends when the signal aborts.
 */
export async function runTicker(options: {
  readonly intervalMs: () => number
  readonly work: () => Promise<void>
  readonly onSkipped: (beats: number) => void
  readonly signal: AbortSignal
  /** Monotonic clock, milliseconds. */
  readonly monotonicMs: () => number
}): Promise<void> {
  const { intervalMs, work, onSkipped, signal, monotonicMs } = options
  let due = monotonicMs()
  while (!signal.aborted) {
    await work()
    const interval = intervalMs()
    due += interval
    const late = monotonicMs() - due
    if (late > 0) {
      const skipped = Math.floor(late / interval)
      if (skipped > 0) onSkipped(skipped)
      due += skipped * interval
    }
    await pause(Math.max(0, due - monotonicMs()), signal)
  }
}
