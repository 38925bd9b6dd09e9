import {
  isRunning,
  noRequests,
  valueOf,
  type Calibration,
  type Disk,
  type Metric,
  type StorageArray,
  type Vm,
  type WriteCache,
} from '../model/snapshot.js'
import { fieldNames } from '../store/measurements.js'
import type { Point } from '../store/time-series.js'
import type { HostRecord } from './host-record.js'

/** What an array is built from besides its disks. */
export interface ArraySource {
  readonly revision: number
  readonly hosts: ReadonlyMap<string, HostRecord>
}

const additive = [
  'readBytesPerSecond',
  'writeBytesPerSecond',
  'readRequestsPerSecond',
  'writeRequestsPerSecond',
] as const

/** Undefined of one that no host tells of and no disk lies on. */
export function arrayOf(
  key: string,
  disks: readonly Disk[],
  source: ArraySource,
  vms: ReadonlyMap<string, Vm>,
): StorageArray | undefined {
  const facts = [...source.hosts.values()].flatMap((host) =>
    host.arrays.filter((array) => array.key === key).map((array) => ({ host, array })),
  )
  if (facts.length === 0 && disks.length === 0) return undefined
  const [first] = facts
  const users = disks.map((disk) => vms.get(disk.vmUuid)?.hostId ?? '').filter((id) => id !== '')
  const hostIds = [...new Set([...facts.map(({ host }) => host.id), ...users])].toSorted()
  return {
    key,
    revision: source.revision,
    name: first?.array.name ?? key,
    kind: first?.array.kind ?? key.split(':')[0] ?? '',
    sizeBytes: first?.array.sizeBytes,
    hostIds,
    diskIds: disks.map((disk) => disk.id),
    writeCache: writeCacheOf(key, source),
    calibration: newest(facts.flatMap(({ array }) => array.calibration ?? [])),
    metrics: arrayMetrics(key, disks, source, vms),
    exchanges: hostIds.flatMap((id) => source.hosts.get(id)?.arrayExchange(key) ?? []),
  }
}

/** Points of those arrays that the host has no counters for: the sum over its VMs' disks. */
export function derivedArrayPoints(host: HostRecord, at: number): Point[] {
  const sums = new Map<string, Record<string, number>>()
  for (const copy of host.copies.values()) {
    if (!isRunning(copy.state)) continue
    for (const disk of copy.facts?.disks ?? []) {
      if (disk.arrayKey === '' || host.countsArray(disk.arrayKey)) continue
      const metrics = copy.diskMetrics(disk.target, host.context(copy.uuid))
      const fields = sums.get(disk.arrayKey) ?? {}
      for (const name of additive) {
        const value = valueOf(metrics[name])
        if (value !== undefined) fields[name] = (fields[name] ?? 0) + value
      }
      sums.set(disk.arrayKey, fields)
    }
  }
  return [...sums]
    .filter(([, fields]) => Object.keys(fields).length > 0)
    .map(([key, fields]) => ({ entity: { kind: 'array', id: `${key}/${host.id}` }, atMs: at, fields }))
}

/** Sum over the hosts: by the host's own counters where it has them, else by its VMs' disks. */
function arrayMetrics(
  key: string,
  disks: readonly Disk[],
  source: ArraySource,
  vms: ReadonlyMap<string, Vm>,
): Readonly<Record<string, Metric>> {
  const metrics: Record<string, Metric> = {}
  for (const field of fieldNames('array')) metrics[field] = { absent: 'not read yet' }
  const counting = present(source).filter(
    (host) => valueOf(host.arrayMetrics.get(key)?.['writeBytesPerSecond']) !== undefined,
  )
  const counted = new Set(counting.map((host) => host.id))
  const parts = [
    ...counting.map((host) => host.arrayMetrics.get(key) ?? {}),
    ...disks
      .filter((disk) => {
        const vm = vms.get(disk.vmUuid)
        return vm !== undefined && isRunning(vm.state) && !counted.has(vm.hostId)
      })
      .map((disk) => disk.metrics),
  ]
  for (const field of additive) {
    const sum = sumOf(parts, field)
    if (sum !== undefined) metrics[field] = sum
  }
  for (const way of ['read', 'write'] as const) {
    const latency = meanLatency(parts, way)
    if (latency !== undefined) metrics[`${way}LatencyMs`] = latency
  }
  const inFlight = sumOf(parts, 'inFlight')
  if (inFlight !== undefined) metrics['inFlight'] = inFlight
  for (const field of ['canaryMs', 'canaryOverdueMs', 'stripeCacheFraction']) {
    const greatest = greatestOf(present(source).map((host) => host.arrayMetrics.get(key)?.[field]))
    if (greatest !== undefined) metrics[field] = greatest
  }
  return metrics
}

function newest(calibrations: readonly Calibration[]): Calibration | undefined {
  return calibrations.toSorted((a, b) => b.at - a.at)[0]
}

function present({ hosts }: ArraySource): HostRecord[] {
  return [...hosts.values()].filter((host) => host.status !== 'silent')
}

/** Of several canaries the slowest speaks: what hangs for one host may not hang for all. */
function greatestOf(metrics: readonly (Metric | undefined)[]): Metric | undefined {
  return metrics
    .filter((metric) => valueOf(metric) !== undefined)
    .toSorted((a, b) => (valueOf(b) ?? 0) - (valueOf(a) ?? 0))[0]
}

function writeCacheOf(key: string, source: ArraySource): WriteCache | undefined {
  const told = present(source).flatMap((host) => host.writeCacheOf(key) ?? [])
  return told.includes('write-through') ? 'write-through' : told[0]
}

/** Undefined where nobody knows. */
function sumOf(parts: readonly Readonly<Record<string, Metric>>[], field: string): Metric | undefined {
  const known = parts.map((part) => part[field]).filter((metric) => metric !== undefined && 'value' in metric)
  if (known.length === 0) return undefined
  const value = known.reduce((total, metric) => total + metric.value, 0)
  return { value, at: Math.max(...known.map((metric) => metric.at)), source: 'computed' }
}

/** Mean weighted by requests; where everything was read and nothing was asked, it says so. */
function meanLatency(parts: readonly Readonly<Record<string, Metric>>[], way: 'read' | 'write'): Metric | undefined {
  let weight = 0
  let total = 0
  let at = 0
  let wasRead = false
  for (const part of parts) {
    const latency = part[`${way}LatencyMs`]
    const requests = valueOf(part[`${way}RequestsPerSecond`]) ?? 0
    wasRead ||= latency !== undefined && ('value' in latency || latency.absent === noRequests)
    if (latency === undefined || 'absent' in latency || requests <= 0) continue
    weight += requests
    total += latency.value * requests
    at = Math.max(at, latency.at)
  }
  if (weight > 0) return { value: total / weight, at, source: 'computed' }
  return wasRead ? { absent: noRequests } : undefined
}
