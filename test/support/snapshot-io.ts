import { noRequests, type Metric, type Snapshot } from '../../controller/model/snapshot.js'
import { known, uuidOf } from './snapshot-builder.js'

/** What a disk or an array does. What is left out is not known. */
export interface Io {
  readonly read?: Way
  readonly write?: Way
  readonly inFlight?: number
}

/** Bytes a second, requests a second, milliseconds of each; without them nobody times it. */
export type Way = readonly [bytesPerSecond: number, requestsPerSecond: number, latencyMs?: number | undefined]

export function ioMetrics({ read, write, inFlight }: Io): Readonly<Record<string, Metric>> {
  return {
    ...wayMetrics('read', read),
    ...wayMetrics('write', write),
    ...(inFlight !== undefined && { inFlight: known(inFlight) }),
  }
}

/** The snapshot with figures of the disks `vda` of these VMs, and of these arrays. */
export function withIo(
  snapshot: Snapshot,
  io: { readonly vms?: Readonly<Record<string, Io>>; readonly arrays?: Readonly<Record<string, Io>> },
): Snapshot {
  const disks = new Map(snapshot.disks)
  for (const [name, one] of Object.entries(io.vms ?? {})) {
    const disk = disks.get(`${uuidOf(name)}/vda`)
    if (disk === undefined) throw new Error(`no disk of ${name}`)
    disks.set(disk.id, { ...disk, metrics: ioMetrics(one) })
  }
  const arrays = new Map(snapshot.arrays)
  for (const [key, one] of Object.entries(io.arrays ?? {})) {
    const array = arrays.get(key)
    if (array === undefined) throw new Error(`no array ${key}`)
    arrays.set(key, { ...array, metrics: ioMetrics(one) })
  }
  return { ...snapshot, disks, arrays }
}

function wayMetrics(way: string, figures: Way | undefined): Readonly<Record<string, Metric>> {
  if (figures === undefined) return {}
  const [bytesPerSecond, requestsPerSecond, latencyMs] = figures
  const latency: Metric =
    latencyMs !== undefined ? known(latencyMs) : { absent: requestsPerSecond === 0 ? noRequests : 'nobody times it' }
  return {
    [`${way}BytesPerSecond`]: known(bytesPerSecond),
    [`${way}RequestsPerSecond`]: known(requestsPerSecond),
    [`${way}LatencyMs`]: latency,
  }
}
