import type { HostHello, HostObservation } from '../model/observation.js'
import {
  noRequests,
  type BusyProcess,
  type Capability,
  type FileSystem,
  type Host,
  type HostDisk,
  type HostNetwork,
  type Metric,
  type UnreadFileSystem,
} from '../model/snapshot.js'
import type { Point } from '../store/time-series.js'
import { merge, reconsider, unread, whyNot, type CapabilityChange, type Metrics, type Readings } from './absence.js'
import type { Contradictions } from './contradictions.js'
import { advanceOf, type Counted } from './counted.js'
import { physicalInterfaces } from './physical-interfaces.js'
import type { Interval } from './rates.js'
import { hostReadings, ioReadings, networkReadings, sum } from './readings.js'

const notRead: Metric = { absent: 'not read yet' }

/** The moment of what a host tells of itself. */
export interface MachineMoment {
  readonly hello: HostHello
  readonly bootId: string
  readonly at: number
}

/** What a host says of itself as a machine: its own figures, and those of its disks, interfaces and file systems. */
export class MachineFigures {
  #metrics: Metrics
  #disks: readonly HostDisk[] = []
  #networks: readonly HostNetwork[] = []
  #fileSystems: readonly FileSystem[] = []
  #busyProcesses: readonly BusyProcess[] | undefined
  #unreadFileSystems: readonly UnreadFileSystem[] = []
  readonly #counted = new Map<string, Counted>()

  constructor(
    capabilities: readonly Capability[],
    private readonly contradictions: Contradictions,
  ) {
    this.#metrics = unread('host', capabilities)
  }

  get inSnapshot(): Pick<
    Host,
    'metrics' | 'fileSystems' | 'unreadFileSystems' | 'disks' | 'networks' | 'busyProcesses'
  > {
    return {
      metrics: this.#metrics,
      fileSystems: this.#fileSystems,
      unreadFileSystems: this.#unreadFileSystems,
      disks: this.#disks,
      networks: this.#networks,
      busyProcesses: this.#busyProcesses,
    }
  }

  /** The host can measure other things than before. */
  reconsider(change: CapabilityChange): void {
    this.#metrics = reconsider('host', this.#metrics, change)
    if (whyNot('host-processes', change.after) !== undefined) this.#busyProcesses = undefined
  }

  /** @param computed figures that do not come from the machine; returns what is worth storing */
  observe(host: HostObservation, { hello, bootId, at }: MachineMoment, computed: Readings): Point[] {
    const runId = host.runId === '' ? bootId : `${bootId}/${host.runId}`
    const advance = (name: string, totals: HostObservation['totals']): Interval | undefined =>
      advanceOf(this.#counted, name, { at, runId, totals })
    const readings: Record<string, number | null> = {}
    const of = advance('host', host.totals)
    if (of !== undefined) Object.assign(readings, hostReadings(of))
    for (const [field, value] of Object.entries(host.levels)) if (value !== undefined) readings[field] = value
    Object.assign(readings, computed)

    const networkIntervals: Interval[] = []
    const physical = physicalInterfaces(host.networks.map(({ device }) => device))
    this.#networks = host.networks.map((one) => {
      const growth = advance(`net ${one.device}`, one.totals)
      if (growth !== undefined && physical.has(one.device)) networkIntervals.push(growth)
      return networkOf(one.device, growth, at)
    })
    const networkSum = sum(networkIntervals)
    if (networkSum !== undefined) {
      const { receiveBytesPerSecond, transmitBytesPerSecond } = networkReadings(networkSum)
      Object.assign(readings, { receiveBytesPerSecond, transmitBytesPerSecond })
    }
    this.#disks = host.disks.map((one) => diskOf(one.device, advance(`disk ${one.device}`, one.totals), at))
    this.#busyProcesses = this.#believed(host.busyProcesses, hello.capabilities)
    this.#forgetDevices(host)
    this.#unreadFileSystems = this.#unreadNow(host)
    this.#fileSystems = host.fileSystems
    const { capabilities, hostId } = hello
    const merged = merge('host', this.#metrics, readings, at, { capabilities, defaultSource: 'machine' })
    this.contradictions.add('host', merged.refused)
    this.#metrics = merged.metrics
    return [
      { entity: { kind: 'host', id: hostId }, atMs: at, fields: merged.stored },
      ...host.fileSystems.map(({ mount, sizeBytes, availableBytes, files, filesFree }): Point => {
        // File systems that make inodes as they need them tell of none at all.
        const fields = { sizeBytes, availableBytes, ...(files > 0 ? { filesFree } : {}) }
        return { entity: { kind: 'file_system', id: `${hostId}/${mount}` }, atMs: at, fields }
      }),
    ]
  }

  #believed(told: HostObservation['busyProcesses'], capabilities: readonly Capability[]): Host['busyProcesses'] {
    if (told === undefined || whyNot('host-processes', capabilities) === undefined) return told
    this.contradictions.add('host', ['busyProcesses'])
    return undefined
  }

  /** A machine does not lose all its file systems at once: where none is told of, they could not be listed. */
  #unreadNow({ fileSystems, unreadFileSystems }: HostObservation): readonly UnreadFileSystem[] {
    if (fileSystems.length + unreadFileSystems.length > 0) return unreadFileSystems
    return [...this.#fileSystems, ...this.#unreadFileSystems].map(({ mount, device, type }) => {
      return { mount, device, type, reason: 'its host told of no file system at all' }
    })
  }

  /** Taps and other devices that are gone take their baselines with them. */
  #forgetDevices(host: HostObservation): void {
    const present = new Set([
      'host',
      ...host.networks.map((one) => `net ${one.device}`),
      ...host.disks.map((one) => `disk ${one.device}`),
    ])
    for (const name of this.#counted.keys()) if (!present.has(name)) this.#counted.delete(name)
  }
}

function asMetric(value: number | null | undefined, at: number): Metric {
  if (value === undefined) return notRead
  return value === null ? { absent: noRequests } : { value, at, source: 'device' }
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
