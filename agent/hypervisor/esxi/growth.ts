import { metricKey, type PerfSample } from './perf-query.js'
import type { CounterName } from './counters.js'
import type { Growth } from './running-totals.js'

/**
 * What the counters of one interval add to totals. Units by VMware's own list of counters: kiloBytes and kiloBytesPerSecond
 * of 1024 bytes, percent in hundredths, latencies in milliseconds a request, `...Averaged` requests a second.
 *
 * Names of totals: `cpuSeconds`, `disk scsi0:0 readBytes`, `nic 4000 receiveBytes`, `array KEY readBytes`.
 */

const kibi = 1024

type Values = Pick<PerfSample, 'values' | 'intervalMs'>

function valueOf({ values }: Values, counter: CounterName, instance = ''): number | undefined {
  return values.get(metricKey(counter, instance))
}

/** A level in kiloBytes, as bytes. */
export function levelBytes(sample: Values, counter: CounterName): number | undefined {
  const value = valueOf(sample, counter)
  return value === undefined ? undefined : value * kibi
}

export function uptimeSeconds(sample: Values): number | undefined {
  return valueOf(sample, 'sys.uptime.latest')
}

/** A VM with its disks and interfaces. */
export function vmGrowth(
  sample: PerfSample,
  {
    vcpus,
    disks,
    nics,
  }: { readonly vcpus: number; readonly disks: readonly string[]; readonly nics: readonly string[] },
): Growth {
  const added: Record<string, number> = {}
  put(added, 'cpuSeconds', cpuSecondsOf(sample, vcpus))
  put(added, 'vcpuWaitSeconds', scaled(valueOf(sample, 'cpu.ready.summation'), 0.001))
  for (const disk of disks) putIo(added, `disk ${disk}`, ioOf(sample, 'virtualDisk', disk))
  for (const nic of nics) putTraffic(added, sample, nic)
  return { atMs: sample.atMs, intervalMs: sample.intervalMs, added }
}

/** Milliseconds of CPU time if they are counted; else the share of the vCPUs, in hundredths of a percent. */
function cpuSecondsOf(sample: PerfSample, vcpus: number): number | undefined {
  const used = scaled(valueOf(sample, 'cpu.used.summation'), 0.001)
  return used ?? scaled(valueOf(sample, 'cpu.usage.average'), (vcpus * sample.intervalMs) / 1000 / 10_000)
}

/**
 * A host with its datastores. ESXi does not divide CPU time into user and system.
 * @param datastores the array of each datastore, by instance
 */
export function hostGrowth(
  sample: PerfSample,
  {
    cores,
    nics,
    datastores,
  }: {
    readonly cores: number
    readonly nics: readonly string[]
    readonly datastores: ReadonlyMap<string, string>
  },
): Growth {
  const added: Record<string, number> = {}
  const seconds = sample.intervalMs / 1000
  const used = scaled(valueOf(sample, 'cpu.usage.average'), (cores * seconds) / 10_000)
  put(added, 'cpuSeconds', used)
  put(added, 'cpuIdleSeconds', used === undefined ? undefined : Math.max(0, cores * seconds - used))
  put(added, 'swapInBytes', scaled(valueOf(sample, 'mem.swapinRate.average'), kibi * seconds))
  put(added, 'swapOutBytes', scaled(valueOf(sample, 'mem.swapoutRate.average'), kibi * seconds))
  for (const nic of nics) putTraffic(added, sample, nic)
  for (const [array, instances] of instancesByArray(datastores)) {
    // An array is known in full or not at all: half of its datastores would look like a quiet array.
    const parts = instances.map((instance) => ioOf(sample, 'datastore', instance))
    for (const name of ioNames) {
      const values = parts.flatMap((part) => part[name] ?? [])
      if (values.length === parts.length)
        put(
          added,
          `array ${array} ${name}`,
          values.reduce((sum, value) => sum + value, 0),
        )
    }
  }
  return { atMs: sample.atMs, intervalMs: sample.intervalMs, added }
}

/** Of a VM's interface only the bytes are asked for. */
function putTraffic(added: Record<string, number>, sample: PerfSample, nic: string): void {
  const seconds = sample.intervalMs / 1000
  put(added, `nic ${nic} receiveBytes`, scaled(valueOf(sample, 'net.received.average', nic), kibi * seconds))
  put(added, `nic ${nic} transmitBytes`, scaled(valueOf(sample, 'net.transmitted.average', nic), kibi * seconds))
  put(added, `nic ${nic} receivePackets`, valueOf(sample, 'net.packetsRx.summation', nic))
  put(added, `nic ${nic} transmitPackets`, valueOf(sample, 'net.packetsTx.summation', nic))
  put(added, `nic ${nic} receiveDrops`, valueOf(sample, 'net.droppedRx.summation', nic))
  put(added, `nic ${nic} transmitDrops`, valueOf(sample, 'net.droppedTx.summation', nic))
  put(added, `nic ${nic} receiveErrors`, valueOf(sample, 'net.errorsRx.summation', nic))
  put(added, `nic ${nic} transmitErrors`, valueOf(sample, 'net.errorsTx.summation', nic))
}

export const ioNames = [
  'readBytes',
  'writeBytes',
  'readRequests',
  'writeRequests',
  'readSeconds',
  'writeSeconds',
] as const
export type Io = Readonly<Partial<Record<(typeof ioNames)[number], number>>>

/** Time spent in requests is their number times their mean latency: both come as whole numbers a second and milliseconds. */
function ioOf(sample: PerfSample, group: 'virtualDisk' | 'datastore', instance: string): Io {
  const seconds = sample.intervalMs / 1000
  const reads = scaled(valueOf(sample, `${group}.numberReadAveraged.average`, instance), seconds)
  const writes = scaled(valueOf(sample, `${group}.numberWriteAveraged.average`, instance), seconds)
  const readMs = valueOf(sample, `${group}.totalReadLatency.average`, instance)
  const writeMs = valueOf(sample, `${group}.totalWriteLatency.average`, instance)
  const io: { -readonly [Name in keyof Io]: number } = {}
  put(io, 'readBytes', scaled(valueOf(sample, `${group}.read.average`, instance), kibi * seconds))
  put(io, 'writeBytes', scaled(valueOf(sample, `${group}.write.average`, instance), kibi * seconds))
  put(io, 'readRequests', reads)
  put(io, 'writeRequests', writes)
  put(io, 'readSeconds', reads === undefined ? undefined : scaled(readMs, reads / 1000))
  put(io, 'writeSeconds', writes === undefined ? undefined : scaled(writeMs, writes / 1000))
  return io
}

function instancesByArray(datastores: ReadonlyMap<string, string>): Map<string, string[]> {
  const byArray = new Map<string, string[]>()
  for (const [instance, array] of datastores) byArray.set(array, [...(byArray.get(array) ?? []), instance])
  return byArray
}

/** The I/O totals of one thing among others. */
export function ioAmong(totals: Readonly<Record<string, number>>, prefix: string): Io {
  const io: { -readonly [Name in keyof Io]: number } = {}
  for (const name of ioNames) put(io, name, totals[`${prefix} ${name}`])
  return io
}

function putIo(added: Record<string, number>, prefix: string, io: Io): void {
  for (const name of ioNames) put(added, `${prefix} ${name}`, io[name])
}

function put<Name extends string>(target: Partial<Record<Name, number>>, name: Name, value: number | undefined): void {
  if (value !== undefined) target[name] = value
}

/** Figures that no machine reaches come from a broken counter: they count as not measured. */
const absurd = 1e15

function scaled(value: number | undefined, factor: number): number | undefined {
  if (value === undefined) return undefined
  const result = value * factor
  return result <= absurd ? result : undefined
}
