import type { Point } from '../../../controller/store/time-series.js'
import type { Contender } from './contender.js'
import type { Figures } from './parts.js'
import { rounded } from './figures.js'
import type { Workload } from './workload.js'

export interface IngestPlan {
  readonly batch: number
  /** Batches that are on their way at a time: 1 waits for each. */
  readonly inFlight: number
  readonly fromHour: number
  readonly hours: number
  /** Put on the time of each point. */
  readonly shiftMs?: number
}

/** Writes hours of the workload as fast as the store takes them; making the points is not counted. */
export async function ingest(contender: Contender, workload: Workload, plan: IngestPlan): Promise<Figures> {
  let [points, ms, residentBytes] = [0, 0, 0]
  const began = process.cpuUsage()
  for (let hour = plan.fromHour; hour < plan.fromHour + plan.hours; hour += 1) {
    const batches = [...inBatches(workload.pointsOf(hour, plan.shiftMs), plan.batch)]
    const start = performance.now()
    await writeAll(contender, batches, plan.inFlight)
    ms += performance.now() - start
    points += batches.reduce((sum, batch) => sum + batch.length, 0)
    residentBytes = Math.max(residentBytes, contender.residentBytes() ?? 0)
  }
  const { user, system } = process.cpuUsage(began)
  return {
    points,
    seconds: rounded(ms / 1000),
    pointsPerSecond: Math.round((points * 1000) / ms),
    ...(residentBytes === 0 ? {} : { residentMiB: Math.round(residentBytes / 2 ** 20) }),
    ownCpuSeconds: rounded((user + system) / 1e6),
  }
}

function* inBatches(points: Iterable<Point>, size: number): Generator<Point[]> {
  let batch: Point[] = []
  for (const point of points) {
    batch.push(point)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

async function writeAll(contender: Contender, batches: readonly Point[][], inFlight: number): Promise<void> {
  let next = 0
  const writeNext = async (): Promise<void> => {
    for (let batch = batches[next++]; batch !== undefined; batch = batches[next++]) await contender.write(batch)
  }
  await Promise.all(Array.from({ length: inFlight }, writeNext))
}

/** Goes on after the workload at a rate, its last hour again and again, until the signal. */
export async function keepWriting(
  contender: Contender,
  workload: Workload,
  pointsPerSecond: number,
  signal: AbortSignal,
): Promise<number> {
  const { hours } = workload.size
  const perBeat = Math.max(1, Math.round(pointsPerSecond / 10))
  const began = performance.now()
  let written = 0
  for (let lap = 1; !signal.aborted; lap += 1) {
    for (const batch of inBatches(workload.pointsOf(hours - 1, lap * 3_600_000), perBeat)) {
      if (signal.aborted) break
      await contender.write(batch)
      written += batch.length
      const dueMs = (written * 1000) / pointsPerSecond - (performance.now() - began)
      if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs))
    }
  }
  return written
}
