import { DamagedRow } from './damage.js'
import { rollUpHour, type FieldHour } from './hour-rollup.js'
import { seriesPerPart } from './rollup-table.js'
import type { SealParts } from './seal.js'

/**
 * Makes a row of roll-ups again from the points of its hour, of all series whose points are there. What of those is damaged too
 * is set aside. The transaction is the caller's.
 */
export function rollUpAgain(
  { chunks, damage, rollups }: Pick<SealParts, 'chunks' | 'damage' | 'rollups'>,
  { bucket, field, part }: { readonly bucket: number; readonly field: number; readonly part: number },
): void {
  const fresh = new Map<number, ReadonlyMap<number, FieldHour>>()
  const only = new Set([field])
  for (let series = part * seriesPerPart; series < (part + 1) * seriesPerPart; series += 1) {
    if (damage.hasHour(series, bucket)) continue
    try {
      const block = chunks.read(series, bucket, only)
      if (block !== undefined) fresh.set(series, rollUpHour(block, bucket))
    } catch (error) {
      if (!(error instanceof DamagedRow)) throw error
      damage.setAside(error.key)
    }
  }
  rollups.put(bucket, part, fresh)
}
