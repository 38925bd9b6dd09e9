import { medianOf } from './history.js'

/** Where the level of a figure jumped, and by how much. */
export interface LevelShift {
  /** First step at the new level. */
  readonly step: number
  readonly size: number
}

/** Jumps below this many times the usual change between neighbouring windows are noise. */
const sureTimes = 6

/**
 * Finds jumps of the level: the medians of two windows of whole seasons that meet at a step are compared, so that neither a
 * season nor a single outlier is one; what all pairs of windows differ by is the trend, and is not a jump either.
 */
export function levelShifts(values: readonly (number | undefined)[], seasonSteps: number): LevelShift[] {
  const window = 2 * seasonSteps
  const changes = Array.from({ length: values.length }, (_, step) =>
    step < seasonSteps || step > values.length - seasonSteps ? undefined : changeAt(values, step, window),
  )
  const told = changes.filter((change) => change !== undefined)
  if (told.length < window) return []
  const usual = medianOf(told)
  const spread = 1.4826 * medianOf(told.map((change) => Math.abs(change - usual)))
  // Where there is hardly any noise the spread is next to nothing: a jump is also more than what a season changes.
  const overSeason = medianOf(
    values.flatMap((value, step) => {
      const before = values[step - seasonSteps]
      return value === undefined || before === undefined ? [] : [Math.abs(value - before)]
    }),
  )
  const sureSize = Math.max(sureTimes * spread, 2 * overSeason)
  const jumps = changes.map((change) => (change === undefined ? 0 : change - usual))
  const sure = jumps
    .map((size, step) => ({ step, size }))
    .filter(({ size }) => size !== 0 && Math.abs(size) > sureSize)
    .sort((a, b) => Math.abs(b.size) - Math.abs(a.size) || a.step - b.step)
  const found: LevelShift[] = []
  for (const jump of sure) if (found.every(({ step }) => Math.abs(step - jump.step) >= window)) found.push(jump)
  return found
    .map(({ step, size }) => ({ step: steepestNear(values, step, size, seasonSteps), size }))
    .sort((a, b) => a.step - b.step)
}

/** The same figures with all that was before a jump put at the level after it. */
export function withoutShifts(
  values: readonly (number | undefined)[],
  shifts: readonly LevelShift[],
): (number | undefined)[] {
  return values.map((value, step) =>
    value === undefined
      ? undefined
      : shifts.reduce((sum, shift) => (step < shift.step ? sum + shift.size : sum), value),
  )
}

function changeAt(values: readonly (number | undefined)[], step: number, window: number): number | undefined {
  const before = values.slice(Math.max(0, step - window), step).filter((value) => value !== undefined)
  const after = values.slice(step, step + window).filter((value) => value !== undefined)
  // A window with a gap in it lies farther off than it seems: a trend would look like a jump.
  const least = 0.7 * window
  return before.length < least || after.length < least ? undefined : medianOf(after) - medianOf(before)
}

/** Medians of windows place a jump within some steps only: it is where one step differs most from the one a season before. */
function steepestNear(
  values: readonly (number | undefined)[],
  step: number,
  size: number,
  seasonSteps: number,
): number {
  let best = step
  let fit = Number.NEGATIVE_INFINITY
  for (let at = step - seasonSteps; at <= step + seasonSteps; at += 1) {
    const before = values.slice(Math.max(0, at - seasonSteps), at).filter((value) => value !== undefined)
    const after = values.slice(at, at + seasonSteps).filter((value) => value !== undefined)
    if (before.length === 0 || after.length === 0) continue
    const change = Math.sign(size) * (medianOf(after) - medianOf(before))
    const edge = Math.sign(size) * ((values[at] ?? 0) - (values[at - 1] ?? values[at] ?? 0))
    if (change + edge / seasonSteps > fit) {
      fit = change + edge / seasonSteps
      best = at
    }
  }
  return best
}
