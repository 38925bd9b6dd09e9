import type { Served } from '../arrays/served.js'
import type { ArrayTick } from '../model/array-condition.js'
import {
  isRunning,
  valueOf,
  type Exchanged,
  type MdArray,
  type Metric,
  type Snapshot,
  type StorageArray,
} from '../model/snapshot.js'
import { isOwn, type Grown } from './exchange-book.js'

export interface TickParts {
  readonly at: number
  readonly seconds: number
  readonly arrays: readonly StorageArray[]
  readonly snapshot: Snapshot
  /** What servers of arrays count of them, by key of the array. */
  readonly served: ReadonlyMap<string, readonly Served[]>
  /** Undefined: nobody told anything in the step. */
  readonly grown: Grown | undefined
  /** What went over a longer time than this is late. */
  readonly longestSeconds: number
}

/** What a model is told of one step. */
export function arrayTickOf(parts: TickParts): ArrayTick {
  const { at, seconds, arrays, snapshot, grown, longestSeconds } = parts
  const isLate = grown !== undefined && grown.spanSeconds > longestSeconds
  const { total, timed } = isLate ? {} : (grown ?? {})
  const metrics = arrays.map((array) => array.metrics)
  const md = mdBeneath(parts)
  const most = (field: string): number | undefined => largest(metrics.map((of) => freshValue(of[field], snapshot.at)))
  return {
    at,
    seconds,
    writeBytes: total?.writeBytes,
    late: isLate ? { bytes: grown.total.writeBytes ?? 0, seconds: grown.spanSeconds } : undefined,
    largestWriterBytes: grown === undefined || isLate ? undefined : largestWriterOf(grown),
    readBytes: total?.readBytes,
    writeRequests: total?.writeRequests,
    readRequests: total?.readRequests,
    writeLatencyMs: meanMs(timed?.writeSeconds, timed?.writeRequests),
    readLatencyMs: meanMs(timed?.readSeconds, timed?.readRequests),
    inFlight: sumOf(metrics.map((of) => freshValue(of['inFlight'], snapshot.at))),
    canaryMs: most('canaryMs'),
    canaryOverdueMs: most('canaryOverdueMs'),
    smallWriteLatencyMs: smallWriteLatencyOf(arrays, snapshot),
    writeCache: writeCacheOf(arrays),
    rebuilding: md.length === 0 ? undefined : md.some(({ syncAction }) => rebuilds.has(syncAction)),
    degraded: md.length === 0 ? undefined : md.some(isDegraded),
  }
}

/** What was read longer ago says nothing of now. */
const freshMs = 5000

function freshValue(metric: Metric | undefined, now: number): number | undefined {
  return metric !== undefined && 'value' in metric && now - metric.at <= freshMs ? metric.value : undefined
}

function meanMs(seconds: number | undefined, requests: number | undefined): number | undefined {
  return seconds === undefined || requests === undefined || requests <= 0 ? undefined : (seconds * 1000) / requests
}

function largestWriterOf({ vms, hostsThemselves }: Grown): number | undefined {
  return largest([...vms.values(), ...hostsThemselves.values()].map(({ writeBytes }: Exchanged) => writeBytes))
}

/** One that waits for the disks is enough. */
function writeCacheOf(arrays: readonly StorageArray[]): ArrayTick['writeCache'] {
  const told = arrays.flatMap(({ writeCache }) => writeCache ?? [])
  return told.includes('write-through') ? 'write-through' : told[0]
}

/** Who writes less does not fill a cache, and waits for who does. */
const smallWriterBytesPerSecond = 512 * 1024

/** The median over the VMs' disks that write little. */
function smallWriteLatencyOf(arrays: readonly StorageArray[], { disks, vms, at }: Snapshot): number | undefined {
  const latencies = arrays
    .flatMap(({ diskIds }) => diskIds)
    .flatMap((id) => {
      const disk = disks.get(id)
      const vm = vms.get(disk?.vmUuid ?? '')
      if (disk === undefined || vm === undefined || !isRunning(vm.state)) return []
      const written = valueOf(disk.metrics['writeBytesPerSecond'])
      const latency = freshValue(disk.metrics['writeLatencyMs'], at)
      return written === undefined || written > smallWriterBytesPerSecond || latency === undefined ? [] : [latency]
    })
    .toSorted((a, b) => a - b)
  return latencies[Math.floor((latencies.length - 1) / 2)]
}

/** Of the host whose disks the array is, or who exports it, the only array of md: with several nobody knows which is meant. */
function mdBeneath({ arrays, served, snapshot: { hosts } }: TickParts): readonly MdArray[] {
  const ids = arrays.flatMap(({ key, hostIds }) => {
    if (!isOwn(key)) return (served.get(key) ?? []).map(({ serverId }) => serverId)
    return hostIds.length === 1 ? hostIds : []
  })
  return [...new Set(ids)].flatMap((hostId) => {
    const md = hosts.get(hostId)?.storageHealth?.mdArrays.filter(({ level }) => level !== 'container') ?? []
    return md.length === 1 ? md : []
  })
}

/** A mirror writes no slower without one of its disks. */
const parityLevels: ReadonlySet<string> = new Set(['raid4', 'raid5', 'raid6'])

function isDegraded({ level, devices, inSyncDevices }: MdArray): boolean {
  return parityLevels.has(level) && devices !== undefined && inSyncDevices !== undefined && inSyncDevices < devices
}

const rebuilds: ReadonlySet<string> = new Set(['resync', 'recover', 'reshape'])

function largest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

function sumOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0)
}
