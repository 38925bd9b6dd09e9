import { linesOf, type RecordedDisk, type RecordedLun, type Recording } from './recording.js'

/**
 * One look of a controller at an array: what the hosts exchanged with it since the look before, and what its VMs felt. It is made of what a
 * controller can know, and of nothing else. What nobody told is undefined.
 */
export interface RecordedTick {
  /** Milliseconds since 1970, at the end of the step. */
  readonly at: number
  readonly seconds: number
  readonly writeBytes: number
  readonly readBytes: number
  readonly writeRequests: number
  readonly readRequests: number
  /** Means over the requests of VMs that ended in the step. */
  readonly writeLatencyMs: number | undefined
  readonly readLatencyMs: number | undefined
  /** Of disks that were written at less than `littleBytesPerSecond`. */
  readonly smallWriteLatencyMs: number | undefined
  /** By VM, and by host for what a host's own LUN took. */
  readonly writeBytesByUser: ReadonlyMap<string, number>
}

const littleBytesPerSecond = 262_144

/** A step from each look at the hosts' LUN counters to the next. */
export function ticksOf(recording: Recording): RecordedTick[] {
  const { head } = recording
  const users = new Map([
    ...head.vms.map(({ lun, name }) => [lun, name] as const),
    ...head.hostLuns.map(({ lun, host }) => [lun, host] as const),
  ])
  const looks = new Map<number, RecordedLun[]>()
  for (const row of linesOf(recording, 'lun')) {
    const look = looks.get(row.at)
    if (look === undefined) looks.set(row.at, [row])
    else look.push(row)
  }
  const disks = linesOf(recording, 'disk')
  const totals = new Map<string, RecordedLun>()
  const ticks: RecordedTick[] = []
  let before: number | undefined
  for (const [at, rows] of looks) {
    const sum = { writeBytes: 0, readBytes: 0, writeRequests: 0, readRequests: 0 }
    const writeBytesByUser = new Map<string, number>()
    for (const row of rows) {
      const key = `${row.lun} ${row.host} ${row.session}`
      const last = totals.get(key)
      totals.set(key, row)
      const wrote = row.writeBytes - (last?.writeBytes ?? 0)
      sum.writeBytes += wrote
      sum.readBytes += row.readBytes - (last?.readBytes ?? 0)
      sum.writeRequests += row.writeRequests - (last?.writeRequests ?? 0)
      sum.readRequests += row.readRequests - (last?.readRequests ?? 0)
      const user = users.get(row.lun)
      if (user !== undefined) writeBytesByUser.set(user, (writeBytesByUser.get(user) ?? 0) + wrote)
    }
    if (before !== undefined) {
      const since = before
      const felt = disks.filter((disk) => disk.at > since && disk.at <= at)
      const little = felt.filter(({ writeBytesPerSecond = 0 }) => writeBytesPerSecond < littleBytesPerSecond)
      ticks.push({
        at,
        seconds: (at - since) / 1000,
        ...sum,
        writeLatencyMs: meanLatency(felt, 'writeLatencyMs', 'writeRequestsPerSecond'),
        readLatencyMs: meanLatency(felt, 'readLatencyMs', 'readRequestsPerSecond'),
        smallWriteLatencyMs: meanLatency(little, 'writeLatencyMs', 'writeRequestsPerSecond'),
        writeBytesByUser,
      })
    }
    before = at
  }
  return ticks
}

function meanLatency(
  disks: readonly RecordedDisk[],
  latency: 'readLatencyMs' | 'writeLatencyMs',
  weight: 'readRequestsPerSecond' | 'writeRequestsPerSecond',
): number | undefined {
  let [milliseconds, requests] = [0, 0]
  for (const disk of disks) {
    const [mean, count] = [disk[latency], disk[weight] ?? 0]
    if (mean === undefined) continue
    milliseconds += mean * count
    requests += count
  }
  return requests === 0 ? undefined : milliseconds / requests
}
