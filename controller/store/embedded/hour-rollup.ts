import type { ColumnBlock } from './column-block.js'
import { bucketMs } from './column-block.js'
import { summaryOf, type Summary } from './summaries.js'
import { fineStepMs, stepsPerBucket } from './tier-steps.js'

/** One field of one series in one hour. */
export interface FieldHour {
  readonly hour: Summary
  /** Of each five minutes; undefined where there was no value. */
  readonly steps: readonly (Summary | undefined)[]
}

/** What roll-ups say of a block whose rows all lie in the bucket, by field. */
export function rollUpHour(block: ColumnBlock, bucket: number): Map<number, FieldHour> {
  const edges = Array.from({ length: stepsPerBucket + 1 }, (_, step) =>
    block.lowerBound(bucket * bucketMs + step * fineStepMs),
  )
  const fields = new Map<number, FieldHour>()
  for (const field of block.fields) {
    const values = block.column(field, 0, block.length)
    const hour = values === undefined ? undefined : summaryOf(values)
    if (values === undefined || hour === undefined) continue
    const steps = edges.slice(0, -1).map((from, step) => summaryOf(values.subarray(from, edges[step + 1])))
    fields.set(field, { hour, steps })
  }
  return fields
}
