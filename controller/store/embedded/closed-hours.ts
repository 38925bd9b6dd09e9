import type { ChunkTable } from './chunk-table.js'
import type { Counters } from './counters.js'
import { rollupTiers, type DayTable } from './day-table.js'
import type { RollupTable } from './rollup-table.js'
import type { FieldDictionary } from './schema.js'
import { bucketsPerDay, dayOf } from './tier-steps.js'

export interface HourParts {
  readonly chunks: ChunkTable
  readonly rollups: RollupTable
  readonly days: DayTable
  readonly counters: Counters
  readonly fields: FieldDictionary
}

/**
 * Whether an hour of a series takes no more points: its roll-ups are there, and the points that they came from are deleted, so
 * that they cannot be corrected any more.
 */
export function isClosed(
  { chunks, rollups, days, counters, fields }: HourParts,
  series: number,
  bucket: number,
): boolean {
  if (bucket >= counters.get('raw_from') || chunks.has(series, bucket)) return false
  if (rollups.has(bucket, fields.allIds, series)) return true
  // Roll-ups that came from elsewhere may be of one tier only.
  return (['1h', '5m'] as const).some((tier) => {
    const perHour = rollupTiers[tier].steps / bucketsPerDay
    const first = (bucket % bucketsPerDay) * perHour
    const steps = [...days.read(series, dayOf(bucket), tier).values()]
    return steps.some((known) => known.slice(first, first + perHour).some((step) => step !== undefined))
  })
}
