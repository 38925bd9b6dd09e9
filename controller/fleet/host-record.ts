import type {
  ArrayFacts,
  ArrayObservation,
  HostHello,
  HostObservation,
  InventoryObservation,
  ReportObservation,
} from '../model/observation.js'
import {
  isRunning,
  occupiesMemory,
  type FileSystem,
  type Gap,
  type Host,
  type HostDisk,
  type HostNetwork,
  type HostStatus,
  type Metric,
} from '../model/snapshot.js'
import type { Point } from '../store/time-series.js'
import { merge, reconsider, unread, whyNot, type Metrics, type Readings } from './absence.js'
import type { Contradictions } from './contradictions.js'
import { interval, shortestIntervalMs, type Baseline, type Interval } from './rates.js'
import { hostReadings, ioReadings, networkReadings, sum } from './readings.js'
import type { CopyContext, VmCopy } from './vm-copy.js'

const notRead: Metric = { absent: 'not read yet' }

/** More than one report can name. */
const mostArrays = 2048

/** Copies of VMs that one host may have: more than one report can name. */
export const mostCopies = 8192

/** Interfaces that carry what others carry already: bridges and bonds would count traffic twice. */
const layeredInterface = /^(br|virbr|xenbr|bond|ovs|vlan|docker|veth|tun|tap|vnet|vif)/

/** One host and its copies of VMs. Owned by the fleet; nothing else writes it. */
export class HostRecord {
  status: HostStatus = 'silent'
  statusSince: number
  lastReportAt: number | undefined
  /** When the last report came, by our own clock. */
  lastReceivedAt: number | undefined
  inventory: InventoryObservation | undefined
  /** When its VMs were last listed, in its inventory or by the state lane. */
  listedAt = -Infinity
  gaps: readonly Gap[] = []
  clockOffsetMs: number | undefined
  readonly copies = new Map<string, VmCopy>()
  readonly arrayMetrics = new Map<string, Metrics>()
  #metrics: Metrics
  #disks: readonly HostDisk[] = []
  #networks: readonly HostNetwork[] = []
  #fileSystems: readonly FileSystem[] = []
  readonly #baselines = new Map<string, Baseline>()

  constructor(
    public hello: HostHello,
    public agentId: string,
    at: number,
    private readonly contradictions: Contradictions,
  ) {
    this.statusSince = at
    this.#metrics = unread('host', hello.capabilities)
  }

  /** The same host without a memory of its totals: what comes next is compared with nothing before. */
  afresh(): HostRecord {
    const host = new HostRecord(this.hello, this.agentId, this.statusSince, this.contradictions)
    host.status = this.status
    host.lastReportAt = this.lastReportAt
    host.lastReceivedAt = this.lastReceivedAt
    host.inventory = this.inventory
    host.listedAt = this.listedAt
    host.gaps = this.gaps
    host.clockOffsetMs = this.clockOffsetMs
    for (const [uuid, copy] of this.copies) host.copies.set(uuid, copy.afresh(host.context(uuid)))
    return host
  }

  get id(): string {
    return this.hello.hostId
  }

  get arrays(): readonly ArrayFacts[] {
    return this.inventory?.arrays ?? []
  }

  /** Its agent introduces it anew. @returns whether it can measure other things than before, which changes all its figures */
  introduce(hello: HostHello): boolean {
    const change = { before: this.hello.capabilities, after: hello.capabilities }
    this.hello = hello
    if (JSON.stringify(change.before) === JSON.stringify(change.after)) return false
    this.#metrics = reconsider('host', this.#metrics, change)
    for (const [key, metrics] of this.arrayMetrics) this.arrayMetrics.set(key, reconsider('array', metrics, change))
    for (const copy of this.copies.values()) copy.reconsider(change)
    return true
  }

  context(seriesId: string): CopyContext {
    return {
      hostId: this.id,
      simulated: this.hello.simulated,
      capabilities: this.hello.capabilities,
      contradictions: this.contradictions,
      seriesId,
    }
  }

  enter(status: HostStatus, at: number): boolean {
    if (status === this.status) return false
    this.status = status
    this.statusSince = at
    return true
  }

  /** Sum over the VMs that hold memory here of what each may grow to; undefined while that of one is not known. */
  configuredBytes(): number | undefined {
    let bytes = 0
    for (const copy of this.copies.values()) {
      if (!occupiesMemory(copy.state)) continue
      if (copy.memoryMaxBytes === undefined) return undefined
      bytes += copy.memoryMaxBytes
    }
    return bytes
  }

  /** Applies the machine's own figures; returns what is worth storing. */
  observe(host: HostObservation, bootId: string, at: number): Point[] {
    const readings: Record<string, number | null> = {}
    const of = this.#advance('host', { at, runId: bootId, totals: host.totals })
    if (of !== undefined) Object.assign(readings, hostReadings(of))
    for (const [field, value] of Object.entries(host.levels)) if (value !== undefined) readings[field] = value
    const configuredBytes = this.configuredBytes()
    if (configuredBytes !== undefined) readings['memoryConfiguredBytes'] = configuredBytes

    const networkIntervals: Interval[] = []
    this.#networks = host.networks.map((one) => {
      const growth = this.#advance(`net ${one.device}`, { at, runId: bootId, totals: one.totals })
      if (growth !== undefined && !layeredInterface.test(one.device)) networkIntervals.push(growth)
      return networkOf(one.device, growth, at)
    })
    const networkSum = sum(networkIntervals)
    if (networkSum !== undefined) {
      const { receiveBytesPerSecond, transmitBytesPerSecond } = networkReadings(networkSum)
      Object.assign(readings, { receiveBytesPerSecond, transmitBytesPerSecond })
    }
    this.#disks = host.disks.map((one) =>
      diskOf(one.device, this.#advance(`disk ${one.device}`, { at, runId: bootId, totals: one.totals }), at),
    )
    this.#forgetDevices(host)
    this.#fileSystems = host.fileSystems
    const { metrics, stored } = this.#merge('host', this.#metrics, readings, at)
    this.#metrics = metrics
    const points: Point[] = [{ entity: { kind: 'host', id: this.id }, atMs: at, fields: stored }]
    for (const { mount, sizeBytes, availableBytes, files, filesFree } of host.fileSystems) {
      // File systems that make inodes as they need them tell of none at all.
      const fields = { sizeBytes, availableBytes, ...(files > 0 ? { filesFree } : {}) }
      points.push({ entity: { kind: 'file_system', id: `${this.id}/${mount}` }, atMs: at, fields })
    }
    return points
  }

  /** Applies what this host exchanged with one array, if that is something that it can count. */
  observeArray(array: ArrayObservation, bootId: string, at: number): Point[] {
    const readings: Record<string, number | null> = {}
    const of = this.#advance(`array ${array.key}`, { at, runId: `${bootId}/${array.runId}`, totals: array.totals })
    if (of !== undefined) Object.assign(readings, arrayReadings(of))
    for (const [field, value] of Object.entries(array.levels)) if (value !== undefined) readings[field] = value
    if (whyNot('array-counters', this.hello.capabilities) !== undefined) {
      this.contradictions.add('array', Object.keys(readings))
      return []
    }
    const old = this.arrayMetrics.get(array.key) ?? unread('array', this.hello.capabilities)
    const { metrics, stored } = this.#merge('array', old, readings, at)
    this.arrayMetrics.set(array.key, metrics)
    const [oldest] = this.arrayMetrics.keys()
    if (this.arrayMetrics.size > mostArrays && oldest !== undefined) this.#forgetArray(oldest)
    if (Object.keys(stored).length === 0) return []
    return [{ entity: { kind: 'array', id: `${array.key}/${this.id}` }, atMs: at, fields: stored }]
  }

  toHost(revision: number): Host {
    const facts = this.inventory?.host
    const memoryBytes = facts?.memoryBytes
    return {
      id: this.id,
      revision,
      name: facts?.name ?? this.hello.name,
      kind: this.hello.kind,
      simulated: this.hello.simulated,
      agentId: this.agentId,
      status: this.status,
      statusSince: this.statusSince,
      lastReportAt: this.lastReportAt,
      bootId: this.hello.bootId,
      hypervisorVersion: facts?.hypervisorVersion ?? '',
      managementVersion: facts?.managementVersion ?? '',
      os: facts?.os ?? '',
      kernel: facts?.kernel ?? '',
      machine: facts?.machine ?? '',
      cpuModel: facts?.cpuModel ?? '',
      cpuCores: facts?.cpuCores,
      cpuThreads: facts?.cpuThreads,
      cpuMhz: facts?.cpuMhz,
      memoryBytes:
        memoryBytes === undefined
          ? { absent: 'no inventory yet' }
          : { value: memoryBytes, at: this.inventory?.at ?? this.statusSince, source: 'hypervisor' },
      localDisks: facts?.localDisks ?? [],
      capabilities: this.hello.capabilities,
      gaps: this.gaps,
      metrics: this.#metrics,
      fileSystems: this.#fileSystems,
      disks: this.#disks,
      networks: this.#networks,
      clockOffsetMs: this.clockOffsetMs,
    }
  }

  /** Taps and other devices that are gone take their baselines with them. */
  #forgetDevices(host: HostObservation): void {
    const present = new Set([
      ...host.networks.map((one) => `net ${one.device}`),
      ...host.disks.map((one) => `disk ${one.device}`),
    ])
    for (const name of this.#baselines.keys()) {
      if (/^(net|disk) /.test(name) && !present.has(name)) this.#baselines.delete(name)
    }
  }

  /** @returns the copy that goes for it, where there are too many */
  add(copy: VmCopy): VmCopy | undefined {
    const [oldest] = this.copies.values()
    // A host that tells of ever new ones, and never of all, must not fill our memory.
    const gone = this.copies.size >= mostCopies ? oldest : undefined
    if (gone !== undefined) this.copies.delete(gone.uuid)
    this.copies.set(copy.uuid, copy)
    return gone
  }

  /**
   * The fast lane reads the VMs whose disks may have moved: the other running ones are idle, unless they could not be read.
   * @returns the copies whose figures that changed
   */
  proveIdle(report: ReportObservation, contextOf: (copy: VmCopy) => CopyContext): VmCopy[] {
    const told = new Set([...report.vms.map((vm) => vm.uuid), ...report.gaps.map((gap) => gap.vmUuid)])
    // A gap of the whole host: nothing is proven of anyone.
    if (told.has('')) return []
    return [...this.copies.values()].filter(
      (copy) => isRunning(copy.state) && !told.has(copy.uuid) && copy.proveIdle(report.at, contextOf(copy)),
    )
  }

  /** A host that tells of its arrays tells of all of them: the others have no figures of now. */
  keepArrays(keys: ReadonlySet<string>): readonly string[] {
    const gone = [...this.arrayMetrics.keys()].filter((key) => !keys.has(key))
    for (const key of gone) this.#forgetArray(key)
    return gone
  }

  #forgetArray(key: string): void {
    this.arrayMetrics.delete(key)
    this.#baselines.delete(`array ${key}`)
  }

  #advance(name: string, now: Baseline): Interval | undefined {
    const before = this.#baselines.get(name)
    if (Object.keys(now.totals).length === 0) return undefined
    if (before?.runId === now.runId && now.at - before.at < shortestIntervalMs) return undefined
    this.#baselines.set(name, now)
    // After a reboot the totals start at 0, at a moment that only the uptime tells: that one interval is left out.
    return interval(before, now, { beganSince: false })
  }

  #merge(kind: 'host' | 'array', old: Metrics, readings: Readings, at: number): ReturnType<typeof merge> {
    const { capabilities } = this.hello
    const result = merge(kind, old, readings, at, { capabilities, defaultSource: 'machine' })
    this.contradictions.add(kind, result.refused)
    return result
  }
}

function arrayReadings(of: Interval): Readings {
  const io = ioReadings(of)
  return Object.fromEntries(Object.entries(io).filter(([field]) => !/^(flush|outOf)/.test(field)))
}

function asMetric(value: number | null | undefined, at: number): Metric {
  if (value === undefined) return notRead
  return value === null ? { absent: 'no requests in the interval' } : { value, at, source: 'device' }
}

function diskOf(device: string, of: Interval | undefined, at: number): HostDisk {
  const io: Readings = of === undefined ? {} : ioReadings(of)
  const busy = of === undefined ? undefined : of.delta['busySeconds']
  return {
    device,
    readBytesPerSecond: asMetric(io['readBytesPerSecond'], at),
    writeBytesPerSecond: asMetric(io['writeBytesPerSecond'], at),
    readRequestsPerSecond: asMetric(io['readRequestsPerSecond'], at),
    writeRequestsPerSecond: asMetric(io['writeRequestsPerSecond'], at),
    readLatencyMs: asMetric(io['readLatencyMs'], at),
    writeLatencyMs: asMetric(io['writeLatencyMs'], at),
    busyFraction: asMetric(busy === undefined || of === undefined ? undefined : busy / of.seconds, at),
  }
}

function networkOf(device: string, of: Interval | undefined, at: number): HostNetwork {
  const net: Readings = of === undefined ? {} : networkReadings(of)
  const { receiveErrorsPerSecond: received, transmitErrorsPerSecond: sent } = net
  const errors = typeof received === 'number' && typeof sent === 'number' ? received + sent : undefined
  return {
    device,
    receiveBytesPerSecond: asMetric(net['receiveBytesPerSecond'], at),
    transmitBytesPerSecond: asMetric(net['transmitBytesPerSecond'], at),
    errorsPerSecond: asMetric(errors, at),
  }
}
