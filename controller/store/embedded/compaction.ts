import { encodeDay, type DaySteps } from './day-codec.js'
import { rollupTiers, type RollupTier } from './day-table.js'
import type { SqlDatabase } from './database.js'
import type { HourParts } from './closed-hours.js'
import type { FieldHour } from './hour-rollup.js'
import type { Summary } from './summaries.js'
import { bucketsPerDay, dayMs, dayOf, stepsPerBucket } from './tier-steps.js'

export interface CompactionParts extends HourParts {
  readonly db: SqlDatabase
}

/**
 * Moves the roll-ups of days that ended by `beforeMs`, and whose points are all deleted, from the form that suits rankings to
 * the one that is small: by series and day. One part of the series at a time, each in one transaction.
 * @throws DamagedRow
 */
export function* compactDays(parts: CompactionParts, beforeMs: number): Generator<void> {
  const { rollups, chunks } = parts
  const bounds = rollups.bounds()
  if (bounds === undefined) return
  const lastDay = Math.min(
    Math.floor(beforeMs / dayMs) - 1,
    dayOf(chunks.bounds()?.from ?? Infinity) - 1,
    dayOf(bounds.to),
  )
  for (let day = dayOf(bounds.from); day <= lastDay; day += 1) {
    const buckets = Array.from({ length: bucketsPerDay }, (_, hour) => day * bucketsPerDay + hour)
    const found = new Set(buckets.flatMap((bucket) => rollups.partsAt(bucket)))
    for (const part of found) {
      yield* compactPart(parts, day, buckets, part)
      yield
    }
  }
}

type DayFields = Record<RollupTier, Map<number, (Summary | undefined)[]>>

function* compactPart(
  { db, rollups, days, fields }: CompactionParts,
  day: number,
  buckets: readonly number[],
  part: number,
): Generator<void> {
  const bySeries = new Map<number, DayFields>()
  for (const [hour, bucket] of buckets.entries()) {
    for (const [series, known] of rollups.partAt(bucket, part, fields.allIds)) {
      const own: DayFields = bySeries.get(series) ?? { '5m': new Map(), '1h': new Map() }
      bySeries.set(series, own)
      for (const [field, one] of known) addHour(own, field, hour, one)
    }
    yield
  }
  const encoded: { readonly series: number; readonly tier: RollupTier; readonly bytes: Buffer }[] = []
  for (const [series, own] of bySeries) {
    for (const tier of ['5m', '1h'] as const) {
      const merged = mergedDay(days.read(series, day, tier), own[tier])
      encoded.push({ series, tier, bytes: encodeDay(merged, rollupTiers[tier].steps) })
    }
    yield
  }
  db.transaction(() => {
    for (const { series, tier, bytes } of encoded) days.write(series, day, tier, bytes)
    for (const bucket of buckets) rollups.delete(bucket, part, fields.allIds)
  })
}

function addHour(own: DayFields, field: number, hour: number, { hour: summary, steps }: FieldHour): void {
  stepsOf(own, '1h', field)[hour] = summary
  const fine = stepsOf(own, '5m', field)
  for (const [step, one] of steps.entries()) fine[hour * stepsPerBucket + step] = one
}

function stepsOf(own: DayFields, tier: RollupTier, field: number): (Summary | undefined)[] {
  const known = own[tier].get(field)
  if (known !== undefined) return known
  const fresh = Array.from<Summary | undefined>({ length: rollupTiers[tier].steps })
  own[tier].set(field, fresh)
  return fresh
}

/** Fresh hours over those that were moved before: data that came from long ago. */
function mergedDay(
  before: ReadonlyMap<number, DaySteps>,
  fresh: ReadonlyMap<number, (Summary | undefined)[]>,
): ReadonlyMap<number, DaySteps> {
  const merged = new Map<number, DaySteps>(before)
  for (const [field, steps] of fresh) {
    const known = before.get(field)
    merged.set(field, known === undefined ? steps : steps.map((step, index) => step ?? known[index]))
  }
  return merged
}
