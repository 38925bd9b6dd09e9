import type { ArrayTick, LoadClass } from '../model/array-condition.js'

/** What was written last, as much of it as is in the cache: that is what drains, whatever comes in now. */
export interface Content {
  readonly bytes: number
  readonly requests: number
}

/** A request costs disks about what this many bytes do: they transfer them in the time that they take to get to another place. */
const requestBytes = 64 * 1024
/** Writes below this size, on average, are single blocks of a stripe: RAID 5 reads and writes data and parity for each. */
const smallWriteBytes = 24 * 1024
/** Of the disks' work. */
const readShare = 0.25
/** Reads that are worth a thought. */
const leastReadWork = 2 * 1024 * 1024

/** With what came in, and no more than the cache may hold. */
export function contentAfter(before: Content, tick: ArrayTick, fillBytes: number): Content {
  const { writeBytes, writeRequests } = tick
  if (writeBytes === undefined || writeRequests === undefined) return before
  const bytes = before.bytes + writeBytes
  const kept = bytes > 0 ? Math.min(1, Math.max(fillBytes, writeBytes) / bytes) : 0
  return { bytes: bytes * kept, requests: (before.requests + writeRequests) * kept }
}

/** What kind of load the array's disks have. */
export function loadClassOf(tick: ArrayTick, content: Content, before: LoadClass): LoadClass {
  if (tick.writeCache === 'write-through') return 'write-through'
  if (tick.rebuilding === true) return 'rebuild'
  if (tick.degraded === true) return 'degraded'
  const readWork = workOf(tick.readBytes, tick.readRequests)
  const writeWork = workOf(tick.writeBytes, tick.writeRequests)
  if (readWork > leastReadWork * tick.seconds && readWork > readShare * (readWork + writeWork)) return 'with-reads'
  const { bytes, requests } = content
  if (requests > 0) return bytes / requests < smallWriteBytes ? 'random' : 'sequential'
  return before === 'random' ? 'random' : 'sequential'
}

function workOf(bytes: number | undefined, requests: number | undefined): number {
  return (bytes ?? 0) + (requests ?? 0) * requestBytes
}
