import type { ChunkTable } from './chunk-table.js'
import type { Counters } from './counters.js'
import type { DayTable } from './day-table.js'
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
  const hours = days.read(series, dayOf(bucket), '1h')
  return [...hours.values()].some((steps) => steps[bucket % bucketsPerDay] !== undefined)
}
