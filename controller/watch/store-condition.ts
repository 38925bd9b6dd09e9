import type { StoreCondition } from '../model/circumstances.js'
import { increaseOf, type Increase } from '../model/recent-changes.js'
import type { StoreHealth } from '../store/time-series.js'
import { grown } from './increase.js'

/** What is read of the store at one moment. */
export interface StoreReading {
  readonly health: StoreHealth
  /** Why data could not be written last; empty if they could. */
  readonly writeProblem: string
  /** Ceiling of the queue in front of a server. */
  readonly queueMaxBytes: number | undefined
  readonly disk: StoreCondition['disk']
}

/** Counts of the store, and how they grew. */
export interface StoreTallies {
  readonly damaged: Increase
  readonly tooLate: Increase
  readonly trimmed: Increase
  readonly lost: Increase
}

const hour = 3_600_000
const lateWindowMs = hour
const damageWindowMs = 24 * hour

/** How the store does by a reading and the counts before it. Damage that is there at first counts: nobody may have seen it yet. */
export function storeConditionAfter(
  before: StoreTallies | undefined,
  { health, writeProblem, queueMaxBytes, disk }: StoreReading,
  atMs: number,
): { readonly tallies: StoreTallies; readonly condition: StoreCondition } {
  const { queue, trimmed } = health
  const none: Increase = { total: 0, steps: [] }
  const tallies: StoreTallies = {
    damaged: grown(before?.damaged ?? none, health.damaged, atMs, damageWindowMs),
    tooLate: grown(before?.tooLate, health.tooLate, atMs, lateWindowMs),
    trimmed: grown(before?.trimmed, trimmed.points + trimmed.rollups, atMs, lateWindowMs),
    lost: grown(before?.lost, (queue?.droppedPoints ?? 0) + (queue?.refusedPoints ?? 0), atMs, lateWindowMs),
  }
  return {
    tallies,
    condition: {
      writeProblem,
      problem: health.problem,
      damagedRowsLately: increaseOf(tallies.damaged),
      tooLatePointsLately: increaseOf(tallies.tooLate),
      trimmedLately: increaseOf(tallies.trimmed),
      lostPointsLately: increaseOf(tallies.lost),
      ...(queue !== undefined &&
        queueMaxBytes !== undefined && {
          queue: { bytes: queue.bytes, maxBytes: queueMaxBytes, waitingPoints: queue.waitingPoints },
        }),
      ...(disk !== undefined && { disk }),
    },
  }
}
