import type { Dice } from './dice.js'
import { effectiveDrain, type Demand, type HiddenSpec } from './hidden-array.js'

/** What is done to an array, second by second. */
export type Work = (second: number) => Demand

export const quiet: Demand = {
  bulkBytes: 0,
  bulkSize: 256 * 1024,
  smallBytes: 0,
  smallSize: 6 * 1024,
  readRequests: 0,
  readSize: 16 * 1024,
}

/** A copy that begins and ends. */
export interface Job {
  readonly fromSecond: number
  readonly toSecond: number
  readonly bytesPerSecond: number
}

/** Many small writers, some readers, and a herd of cron jobs each few minutes: what goes on at any time. */
export function background(dice: Dice, spec: HiddenSpec): Work {
  const small = dice.sized(0.02, 0.12) * (spec.drainBytesPerSecond / spec.smallCost)
  const reads = dice.between(2, 12)
  const herdEvery = Math.round(dice.between(240, 400))
  const herd = dice.sized(1, 4)
  return (second) => {
    const isHerd = second % herdEvery < 3
    return {
      ...quiet,
      smallBytes: small * dice.noise(0.5) * (isHerd ? 1 + 4 * herd : 1),
      readRequests: reads * dice.noise(0.4) * (isHerd ? 3 : 1),
    }
  }
}

export function withJobs(base: Work, jobs: readonly Job[], dice: Dice): Work {
  return (second) => {
    const demand = base(second)
    const bytes = jobs
      .filter(({ fromSecond, toSecond }) => second >= fromSecond && second < toSecond)
      .reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0)
    return bytes > 0 ? { ...demand, bulkBytes: bytes * dice.noise(0.05) } : demand
  }
}

/** A job that fills the cache and goes on for a while; faster than the disks by 1.4 times up to all that the wire gives. */
export function overflowing(dice: Dice, spec: HiddenSpec, fromSecond: number): Job {
  const drain = effectiveDrain(spec, { ...quiet, bulkBytes: 1 })
  const bytesPerSecond = dice.sized(1.4 * drain, Math.max(1.5 * drain, spec.wireBytesPerSecond))
  const capacity = spec.cacheBytes / (1 - spec.overwriteShare)
  const fills = capacity / (Math.min(bytesPerSecond, spec.wireBytesPerSecond) - drain)
  const toSecond = Math.ceil(fromSecond + fills * 1.2 + dice.between(12, 60))
  return { fromSecond, toSecond, bytesPerSecond }
}

/** One that ends before the cache is full. */
export function harmless(dice: Dice, spec: HiddenSpec, fromSecond: number): Job {
  const job = overflowing(dice, spec, fromSecond)
  const drain = effectiveDrain(spec, { ...quiet, bulkBytes: 1 })
  const rate = Math.min(job.bytesPerSecond, spec.wireBytesPerSecond)
  const seconds = (dice.between(0.2, 0.7) * spec.cacheBytes) / Math.max(1e5, rate - drain)
  return { ...job, toSecond: fromSecond + Math.max(1, Math.floor(seconds)) }
}

/** How long the disks need for a full cache, with a margin. */
export function emptyingSeconds(spec: HiddenSpec): number {
  const drain = spec.drainBytesPerSecond
  return Math.ceil((1.3 * spec.cacheBytes) / drain) + 20
}
