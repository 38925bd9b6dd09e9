import { bucketMs } from './column-block.js'

/** Step of the finer roll-up. The coarser one's is a bucket: an hour. */
export const fineStepMs = 300_000
export const stepsPerBucket = bucketMs / fineStepMs

/** Old roll-ups are kept by the day (UTC). */
export const bucketsPerDay = 24
export const dayMs = bucketMs * bucketsPerDay

export function dayOf(bucket: number): number {
  return Math.floor(bucket / bucketsPerDay)
}

/** The start of the step that the time lies in. */
export function floorTo(atMs: number, stepMs: number): number {
  return Math.floor(atMs / stepMs) * stepMs
}

/** The end of the step that the time lies in, or the time itself if it is a step's start. */
export function ceilTo(atMs: number, stepMs: number): number {
  return Math.ceil(atMs / stepMs) * stepMs
}
