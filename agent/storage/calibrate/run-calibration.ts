import { setTimeout as delay } from 'node:timers/promises'

import { beginRamp, see, longWait, type Ramp, type RampBounds, type RampResult, type Seen, type Step } from './ramp.js'
import { pieceBytes, type Scratch } from './scratch.js'

export interface CalibrationRun {
  readonly result: RampResult
  readonly writtenBytes: number
  readonly seconds: number
  /** Of the canary's writes while nothing was written; undefined: it did not come so far. */
  readonly calmMs: number | undefined
  /** The longest time in which each of its writes waited (`longWait`). */
  readonly longestWaitMs: number
}

export interface CalibrationOptions {
  readonly scratch: Scratch
  readonly bounds: RampBounds
  readonly monotonicMs: () => number
  /** Ends it at once. */
  readonly signal: AbortSignal
  /** Told each time something else is done. */
  readonly onPhase?: (text: string) => void
}

const canaryEveryMs = 50
const lookEveryMs = 20
/** For writes that are under way at the end. */
const endWithinMs = 10_000

/** Does what the ramp says, one write at a time and the canary's beside it. @throws the error of a write */
export async function runCalibration(options: CalibrationOptions): Promise<CalibrationRun> {
  const { scratch, bounds, monotonicMs, signal } = options
  const beganMs = monotonicMs()
  let ramp: Ramp = beginRamp(bounds, beganMs)
  let step: Step = { do: 'rest' }
  let said = ''
  const tell = (seen: Seen): void => {
    ;({ ramp, step } = see(ramp, seen))
    const phase = phaseText(ramp)
    if (phase !== said) options.onPhase?.(phase)
    said = phase
  }
  const isOver = (): boolean => step.do === 'stop' || signal.aborted || failure !== undefined
  let failure: Error | undefined
  const failed = (error: unknown): void => {
    failure ??= error instanceof Error ? error : new Error(String(error))
  }
  const underWay = new Set<number>()
  const waits = new WaitBook()

  const timed = async (write: () => Promise<void>): Promise<{ readonly atMs: number; readonly seconds: number }> => {
    const fromMs = monotonicMs()
    underWay.add(fromMs)
    try {
      await write()
    } finally {
      underWay.delete(fromMs)
    }
    const atMs = monotonicMs()
    return { atMs, seconds: (atMs - fromMs) / 1000 }
  }

  const write = async (): Promise<void> => {
    let paidMs = 0
    while (!isOver()) {
      if (step.do !== 'write') {
        paidMs = monotonicMs()
        await delay(lookEveryMs)
        continue
      }
      const aheadMs = paidMs - monotonicMs()
      if (aheadMs > 1) {
        await delay(aheadMs)
        continue
      }
      // What could not be written in time is not caught up.
      paidMs = Math.max(paidMs, monotonicMs() - lookEveryMs) + (1000 * pieceBytes) / step.bytesPerSecond
      tell({ kind: 'wrote', bytes: pieceBytes, ...(await timed(() => scratch.write())) })
    }
  }
  const watch = async (): Promise<void> => {
    while (!isOver()) {
      const end = await timed(() => scratch.canary())
      tell({ kind: 'canary', ...end })
      waits.take(end.atMs, end.seconds, ramp.calmSeconds)
      await delay(canaryEveryMs)
    }
  }
  const look = async (): Promise<void> => {
    while (!isOver()) {
      await delay(lookEveryMs)
      const atMs = monotonicMs()
      const oldest = Math.min(...underWay)
      const seconds = (atMs - oldest) / 1000
      tell(Number.isFinite(seconds) && seconds >= 0.5 ? { kind: 'waits', atMs, seconds } : { kind: 'time', atMs })
    }
  }
  const working = Promise.all([write().catch(failed), watch().catch(failed)])
  await look()
  const end = new AbortController()
  await Promise.race([working, delay(endWithinMs, undefined, { signal: end.signal }).catch(() => undefined)])
  end.abort()
  if (failure !== undefined) throw failure
  const { calmSeconds, result = { outcome: 'aborted', reason: 'it was interrupted' } } = ramp
  return {
    result,
    writtenBytes: ramp.bytes,
    seconds: (monotonicMs() - beganMs) / 1000,
    calmMs: calmSeconds === undefined ? undefined : calmSeconds * 1000,
    longestWaitMs: waits.longestMs,
  }
}

/** For how long others waited, by the canary: from the beginning of the first write that did to the end of the last one. */
class WaitBook {
  longestMs = 0
  #sinceMs: number | undefined

  take(atMs: number, seconds: number, calmSeconds: number | undefined): void {
    if (seconds <= longWait(calmSeconds)) this.#sinceMs = undefined
    else {
      this.#sinceMs ??= atMs - seconds * 1000
      this.longestMs = Math.max(this.longestMs, atMs - this.#sinceMs)
    }
  }
}

function phaseText({ phase, fills }: Ramp): string {
  switch (phase.name) {
    case 'calm':
      return 'measuring how long small writes take in quiet'
    case 'fill':
      return fills.length === 0 ? 'filling the cache' : 'filling it again'
    case 'rest':
      return phase.emptiesIt ? 'waiting until it must be empty' : 'letting it drain'
  }
}
