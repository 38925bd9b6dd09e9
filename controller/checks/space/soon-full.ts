import { formatBytes, formatDuration, formatRate } from '../../../common/units.js'
import type { Severity } from '../../model/finding.js'
import type { KnownTrends, SpaceTrend } from '../../model/space-trend.js'
import { strengthBelow, type Strength } from '../strength.js'

export interface SoonLimits {
  /** Milliseconds. */
  readonly left: number
  readonly criticalLeft: number
  /** Times `left`. */
  readonly clearAbove: number
}

/** That something will be full, if it goes on filling as it did. */
export interface SoonFull {
  readonly strength: Exclude<Strength, undefined>
  readonly severity: Severity
  readonly text: string
}

const dayMs = 86_400_000
/** What goes on is believed to go on for so many times as long as it was seen. */
const believedTimes = 4

/** Of several ways in which it fills the one by which it is full first. */
export function soonFull(
  availableBytes: number,
  trends: readonly SpaceTrend[],
  limits: SoonLimits,
): SoonFull | undefined {
  let first: (SpaceTrend & { readonly leftMs: number; readonly strength: SoonFull['strength'] }) | undefined
  for (const { bytesPerDay, overMs } of trends) {
    if (bytesPerDay <= 0) continue
    const leftMs = (availableBytes / bytesPerDay) * dayMs
    const limitMs = Math.min(limits.left, believedTimes * overMs)
    const strength = strengthBelow(leftMs, limitMs, limitMs * limits.clearAbove)
    if (strength === undefined) continue
    const isStronger = first?.strength === 'keep' && strength === 'raise'
    const isSooner = first === undefined || (first.strength === strength && leftMs < first.leftMs)
    if (isStronger || isSooner) first = { bytesPerDay, overMs, leftMs, strength }
  }
  if (first === undefined) return undefined
  const { leftMs, bytesPerDay, overMs, strength } = first
  return {
    strength,
    severity: leftMs < limits.criticalLeft ? 'critical' : 'warning',
    text: `full in ${formatDuration(leftMs)} at ${paceText(bytesPerDay, overMs)}, as in the last ${formatDuration(overMs)}; ${formatBytes(availableBytes)} available`,
  }
}

/** In the unit of what was seen. */
function paceText(bytesPerDay: number, overMs: number): string {
  return overMs < dayMs / 2 ? formatRate(bytesPerDay / 86_400) : `${formatBytes(bytesPerDay)} a day`
}

/** Of what nobody looks at. */
export const nothingToKnow: KnownTrends = { trends: [], isRecentKnown: true }
/** Of what was not looked at yet. */
export const nothingKnown: KnownTrends = { trends: [], isRecentKnown: false }
