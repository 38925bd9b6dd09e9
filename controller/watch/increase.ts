import type { Increase } from '../model/recent-changes.js'

/** What happens within this time is one step: so few are kept. */
const stepMs = 60_000

/**
 * The increase after a count was read. One that is smaller than before counts anew, from 0. The same object as long as nothing changes.
 * @param before undefined: what was counted before is not of late
 */
export function grown(before: Increase | undefined, total: number, atMs: number, windowMs: number): Increase {
  if (before === undefined) return { total, steps: [] }
  const by = total >= before.total ? total - before.total : total
  const [oldest] = before.steps
  const isOver = oldest !== undefined && oldest.atMs <= atMs - windowMs
  if (total === before.total && !isOver) return before
  const kept = before.steps.filter((step) => step.atMs > atMs - windowMs)
  const last = kept.at(-1)
  if (by === 0) return { total, steps: kept }
  if (last === undefined || atMs - last.atMs >= stepMs) return { total, steps: [...kept, { atMs, by }] }
  return { total, steps: [...kept.slice(0, -1), { atMs: last.atMs, by: last.by + by }] }
}
