import type { RolledUp } from '../roll-ups.js'
import type { RollUpTier } from '../server/tier-plan.js'
import type { Batch } from '../time-series.js'

/** What was not stored because of its time. */
export interface TooLate {
  /** Points of hours whose points are deleted there: their roll-ups stand. */
  readonly points: number
  /** Rows of roll-ups that tell nothing new, or of hours whose roll-ups are made from points there. */
  readonly rollUps: number
}

/**
 * Where a history is written to. What is written twice is there once. Points come before the roll-ups of the same hours. Methods
 * reject with the signal's reason, or with an Error if the store itself fails; a server that is away is waited for.
 */
export interface HistoryTarget {
  /** Durable when it resolves, on a server or in the queue before it. */
  write(batch: Batch): Promise<void>
  writeRollUps(tier: RollUpTier, rows: readonly RolledUp[]): Promise<void>
  /** Runs `send` until what it wrote is kept for sure: a server that began anew meanwhile may have lost some of it. */
  kept<Result>(send: (isAgain: boolean) => Promise<Result>): Promise<Result>
  /** Resolves when all that was written is where it is to be. */
  drained(): Promise<void>
  /** Since the target was made. */
  tooLate(): Promise<TooLate>
}
