import { groupBy } from '../../common/group-by.js'
import type { ReportObservation } from '../model/observation.js'
import {
  isRunning,
  valueOf,
  type AgentState,
  type Disk,
  type Host,
  type Metric,
  type Placement,
  type Snapshot,
  type StorageArray,
  type Vm,
} from '../model/snapshot.js'
import { fieldNames } from '../store/measurements.js'
import type { Point } from '../store/time-series.js'
import { isOutdatedBy } from './handover.js'
import type { HostRecord } from './host-record.js'
import type { VmCopy } from './vm-copy.js'

/** A snapshot of nothing. */
export function emptyView(): Snapshot {
  return {
    revision: 0,
    at: 0,
    hosts: new Map(),
    vms: new Map(),
    disks: new Map(),
    arrays: new Map(),
    placements: new Map(),
    agents: new Map(),
  }
}

interface Source {
  readonly revision: number
  readonly at: number
  readonly hosts: ReadonlyMap<string, HostRecord>
  readonly agents: ReadonlyMap<string, AgentState>
}

const additive = [
  'readBytesPerSecond',
  'writeBytesPerSecond',
  'readRequestsPerSecond',
  'writeRequestsPerSecond',
] as const

/** Collects what changed and rebuilds only that; everything else is shared with the snapshot before. */
export class SnapshotBuilder {
  readonly #hosts = new Set<string>()
  readonly #vms = new Set<string>()
  readonly #arrays = new Set<string>()
  #agents = false
  #marks = 0

  /** How often anything was said to have changed. */
  get marks(): number {
    return this.#marks
  }

  get dirty(): boolean {
    return this.#agents || this.#hosts.size + this.#vms.size + this.#arrays.size > 0
  }

  hostChanged(host: HostRecord): void {
    this.#marks += 1
    this.#hosts.add(host.id)
  }

  vmChanged(uuid: string): void {
    this.#marks += 1
    this.#vms.add(uuid)
  }

  arrayChanged(key: string): void {
    if (key === '') return
    this.#marks += 1
    this.#arrays.add(key)
  }

  agentsChanged(): void {
    this.#marks += 1
    this.#agents = true
  }

  build(before: Snapshot, source: Source): Snapshot {
    const { revision, at } = source
    const copiesOf = indexCopies(source.hosts, this.#vms)
    const vms = new Map(before.vms)
    const disks = new Map(before.disks)
    const placements = new Map(before.placements)
    for (const uuid of this.#vms) {
      for (const id of vms.get(uuid)?.diskIds ?? []) disks.delete(id)
      const placed = place(uuid, copiesOf.get(uuid) ?? [])
      if (placed === undefined) {
        vms.delete(uuid)
        placements.delete(uuid)
        continue
      }
      const context = placed.host.context(uuid)
      vms.set(uuid, placed.copy.toVm(revision, context))
      placements.set(uuid, placed.placement)
      for (const disk of placed.copy.toDisks(revision, context)) disks.set(disk.id, disk)
    }
    const hosts = this.#buildHosts(before.hosts, source)
    const arrays = this.#buildArrays(before.arrays, disks, source, vms)
    const agents = this.#agents ? new Map(source.agents) : before.agents
    this.#hosts.clear()
    this.#vms.clear()
    this.#arrays.clear()
    this.#agents = false
    return { revision, at, hosts, vms, disks, arrays, placements, agents }
  }

  /** Points of those arrays that the host has no counters for: the sum over its VMs' disks. */
  derivedArrayPoints(host: HostRecord, report: ReportObservation): Point[] {
    const counted = new Set(host.arrayMetrics.keys())
    const sums = new Map<string, Record<string, number>>()
    for (const copy of host.copies.values()) {
      if (!isRunning(copy.state)) continue
      for (const disk of copy.facts?.disks ?? []) {
        if (disk.arrayKey === '' || counted.has(disk.arrayKey)) continue
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
      .map(([key, fields]) => ({ entity: { kind: 'array', id: `${key}/${host.id}` }, atMs: report.at, fields }))
  }

  #buildHosts(before: ReadonlyMap<string, Host>, source: Source): ReadonlyMap<string, Host> {
    if (this.#hosts.size === 0) return before
    const hosts = new Map(before)
    for (const id of this.#hosts) {
      const record = source.hosts.get(id)
      if (record === undefined) hosts.delete(id)
      else hosts.set(id, record.toHost(source.revision))
    }
    return hosts
  }

  #buildArrays(
    before: ReadonlyMap<string, StorageArray>,
    disks: ReadonlyMap<string, Disk>,
    source: Source,
    vms: ReadonlyMap<string, Vm>,
  ): ReadonlyMap<string, StorageArray> {
    if (this.#arrays.size === 0) return before
    const arrays = new Map(before)
    const members = groupBy(disks.values(), (disk) => disk.arrayKey)
    for (const key of this.#arrays) {
      const array = buildArray(key, members.get(key) ?? [], source, vms)
      if (array === undefined) arrays.delete(key)
      else arrays.set(key, array)
    }
    return arrays
  }
}

interface CopyOnHost {
  readonly host: HostRecord
  readonly copy: VmCopy
}

function indexCopies(hosts: ReadonlyMap<string, HostRecord>, uuids: ReadonlySet<string>): Map<string, CopyOnHost[]> {
  const copies = new Map<string, CopyOnHost[]>()
  for (const host of hosts.values()) {
    for (const uuid of uuids) {
      const copy = host.copies.get(uuid)
      if (copy === undefined) continue
      const found = copies.get(uuid)
      if (found === undefined) copies.set(uuid, [{ host, copy }])
      else found.push({ host, copy })
    }
  }
  return copies
}

/**
 * Which copy is the VM: a running one before any other, one of a host that reports before one of a silent host, then one that is
 * not told apart from it, the one that changed last, then the lower host id so that the choice never depends on the order of messages.
 */
function place(uuid: string, copies: readonly CopyOnHost[]): (CopyOnHost & { placement: Placement }) | undefined {
  const rank = ({ host, copy }: CopyOnHost): number =>
    (isRunning(copy.state) ? 4 : copy.state === 'paused' ? 2 : 0) + (host.status === 'silent' ? 0 : 1)
  const [best] = copies.toSorted(
    (a, b) =>
      rank(b) - rank(a) ||
      Number(a.copy.isApart) - Number(b.copy.isApart) ||
      b.copy.stateSince - a.copy.stateSince ||
      (a.host.id < b.host.id ? -1 : 1),
  )
  if (best === undefined) return undefined
  const runningOn = copies
    .filter(
      ({ host, copy }) =>
        isRunning(copy.state) && host.status !== 'silent' && !copies.some((other) => isOutdatedBy(copy, other.copy)),
    )
    .map(({ host }) => host.id)
    .toSorted()
  return {
    ...best,
    placement: { vmUuid: uuid, hostId: best.host.id, runningOn, doubled: runningOn.length > 1 },
  }
}

function buildArray(
  key: string,
  disks: readonly Disk[],
  source: Source,
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
    metrics: arrayMetrics(key, disks, source, vms),
  }
}

/** Sum over the hosts: by the host's own counters where it has them, else by its VMs' disks. */
function arrayMetrics(
  key: string,
  disks: readonly Disk[],
  source: Source,
  vms: ReadonlyMap<string, Vm>,
): Readonly<Record<string, Metric>> {
  const metrics: Record<string, Metric> = {}
  for (const field of fieldNames('array')) metrics[field] = { absent: 'not read yet' }
  const counting = [...source.hosts.values()].filter(
    (host) => host.status !== 'silent' && valueOf(host.arrayMetrics.get(key)?.['writeBytesPerSecond']) !== undefined,
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
    const known = parts.map((part) => part[field]).filter((metric) => metric !== undefined && 'value' in metric)
    if (known.length === 0) continue
    const value = known.reduce((total, metric) => total + metric.value, 0)
    metrics[field] = { value, at: Math.max(...known.map((metric) => metric.at)), source: 'computed' }
  }
  for (const way of ['read', 'write'] as const) {
    const latency = meanLatency(parts, way)
    if (latency !== undefined) metrics[`${way}LatencyMs`] = latency
  }
  for (const field of ['inFlight', 'canaryMs']) {
    const known = counting.map((host) => host.arrayMetrics.get(key)?.[field]).find((one) => valueOf(one) !== undefined)
    if (known !== undefined) metrics[field] = known
  }
  return metrics
}

/** Mean weighted by requests. */
function meanLatency(parts: readonly Readonly<Record<string, Metric>>[], way: 'read' | 'write'): Metric | undefined {
  let weight = 0
  let total = 0
  let at = 0
  for (const part of parts) {
    const latency = part[`${way}LatencyMs`]
    const requests = valueOf(part[`${way}RequestsPerSecond`]) ?? 0
    if (latency === undefined || 'absent' in latency || requests <= 0) continue
    weight += requests
    total += latency.value * requests
    at = Math.max(at, latency.at)
  }
  return weight === 0 ? undefined : { value: total / weight, at, source: 'computed' }
}
