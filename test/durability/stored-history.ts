import type { Log } from '../../common/log.js'
import { openEmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import type { EntityKey, TimeSeries } from '../../controller/store/time-series.js'

/** What a store holds of a time, all hosts and disks together. */
export interface StoredHistory {
  readonly hosts: number
  /** Reports of the state lane that have a row. */
  readonly stateRows: number
  /** From the beginning until now: the longest time without a row, of any host. */
  readonly largestGapMs: number
  /** Where that gap begins. */
  readonly largestGapAtMs: number
  readonly disks: number
  /** By the disks' totals. */
  readonly writtenBytes: number
  /** By rates times intervals. */
  readonly integralBytes: number
  /** Largest error of one disk's integral, as a share of what it wrote. */
  readonly worstDiskError: number
}

/** Reads it back from the file of a controller that has ended. */
export async function storedHistory(path: string, fromMs: number, toMs: number, log: Log): Promise<StoredHistory> {
  const store = await openEmbeddedStore({
    path,
    log,
    retention: { rawMs: 86_400_000, maxBytes: 4e9 },
    now: () => Date.now(),
  })
  try {
    const hosts = await store.series({ kind: 'host' })
    const gaps: { readonly ms: number; readonly atMs: number }[] = []
    let stateRows = 0
    for (const { entity } of hosts) {
      const moments = (await rowsOf(store, entity, ['memoryAvailableBytes'], fromMs, toMs)).map(([at]) => at ?? 0)
      stateRows += moments.length
      const all = [fromMs, ...moments, toMs]
      gaps.push(...all.slice(1).map((at, index) => ({ ms: at - (all[index] ?? at), atMs: all[index] ?? at })))
    }
    const largest = gaps.toSorted((a, b) => b.ms - a.ms)[0]
    const disks = (await store.series({ kind: 'disk' })).map(({ entity }) => entity)
    const sums: DiskSum[] = []
    for (const disk of disks) {
      const fields = ['writeBytesTotal', 'writeBytesPerSecond']
      const sum = diskSum(await rowsOf(store, disk, fields, fromMs, toMs))
      if (sum !== undefined) sums.push(sum)
    }
    const total = (value: (sum: DiskSum) => number): number => sums.reduce((all, sum) => all + value(sum), 0)
    return {
      hosts: hosts.length,
      stateRows,
      largestGapMs: Math.round(largest?.ms ?? 0),
      largestGapAtMs: largest?.atMs ?? 0,
      disks: sums.length,
      writtenBytes: Math.round(total(({ written }) => written)),
      integralBytes: Math.round(total(({ integral }) => integral)),
      worstDiskError: Math.max(
        0,
        ...sums.map(({ written, integral }) => (written < 1e6 ? 0 : Math.abs(integral / written - 1))),
      ),
    }
  } finally {
    await store.close()
  }
}

type Row = readonly (number | null)[]

async function rowsOf(
  store: TimeSeries,
  entity: EntityKey,
  fields: readonly string[],
  fromMs: number,
  toMs: number,
): Promise<readonly Row[]> {
  return (await store.range({ entity, fields, fromMs, toMs, stepMs: 0, agg: 'last' })).rows
}

interface DiskSum {
  readonly written: number
  readonly integral: number
}

/** Growth of the total, and each rate times the time since the one before; undefined for a disk that was not read twice or began anew. */
function diskSum(rows: readonly Row[]): DiskSum | undefined {
  // With a rate, so that the next one counts from here.
  const first = rows.findIndex(([, total, rate]) => typeof total === 'number' && typeof rate === 'number')
  let before = rows[first]
  if (before === undefined) return undefined
  const [begin] = [before[1] ?? 0]
  let [end, integral, atEnd] = [begin, 0, 0]
  for (const row of rows.slice(first + 1)) {
    const [at, total, rate] = row
    if (typeof rate !== 'number') continue
    integral += (rate * ((at ?? 0) - (before[0] ?? 0))) / 1000
    before = row
    if (typeof total !== 'number') continue
    if (total < end) return undefined
    end = total
    atEnd = integral
  }
  return { written: end - begin, integral: atEnd }
}
