import type { ArrayCacheField, ArrayField, HostField, VmField } from '../../store/measurements.js'
import type { Unit } from '../format/figures.js'

/** Which charts a view has: one entry a chart, one line a field. */
export interface ChartSpec {
  readonly id: string
  readonly title: string
  readonly unit: Unit
  readonly lines: readonly LineSpec[]
  /** What the lines are compared with: drawn across. */
  readonly limit?: number
  /** Between the first and the last of these lines, by their places, the chart is filled: what lies between is not sure. */
  readonly band?: readonly [upper: number, lower: number]
  /** Left out altogether when the entity has none of its fields. */
  readonly optional?: true
}

export interface LineSpec {
  readonly field: string
  readonly label: string
}

type Lines<F extends string> = readonly { readonly field: F; readonly label: string }[]

function chart<F extends string>(id: string, title: string, unit: Unit, lines: Lines<F>): ChartSpec {
  return { id, title, unit, lines }
}

const bytes: Lines<'readBytesPerSecond' | 'writeBytesPerSecond'> = [
  { field: 'readBytesPerSecond', label: 'read' },
  { field: 'writeBytesPerSecond', label: 'write' },
]
const requests: Lines<'readRequestsPerSecond' | 'writeRequestsPerSecond'> = [
  { field: 'readRequestsPerSecond', label: 'read' },
  { field: 'writeRequestsPerSecond', label: 'write' },
]
const latency: Lines<'readLatencyMs' | 'writeLatencyMs'> = [
  { field: 'readLatencyMs', label: 'read' },
  { field: 'writeLatencyMs', label: 'write' },
]
const network: Lines<'receiveBytesPerSecond' | 'transmitBytesPerSecond'> = [
  { field: 'receiveBytesPerSecond', label: 'received' },
  { field: 'transmitBytesPerSecond', label: 'sent' },
]

export const vmCharts: readonly ChartSpec[] = [
  chart<VmField>('cpu', 'CPU, cores used', 'cores', [{ field: 'cpuCores', label: 'used' }]),
  chart<VmField>('memory', 'Memory', 'memory', [
    { field: 'memoryMaxBytes', label: 'configured' },
    { field: 'memoryBytes', label: 'balloon' },
    { field: 'memoryRssBytes', label: 'on the host (RSS)' },
    { field: 'memoryGuestUsedBytes', label: 'used by the guest' },
  ]),
  chart<VmField>('bytes', 'Disk data', 'bytes/s', bytes),
  chart<VmField>('requests', 'Disk requests', '1/s', requests),
  chart<VmField>('latency', 'Disk latency', 'ms', latency),
  chart<VmField>('network', 'Network', 'bytes/s', network),
]

export const hostCharts: readonly ChartSpec[] = [
  chart<HostField>('cpu', 'CPU, cores', 'cores', [
    { field: 'cpuUsedCores', label: 'used' },
    { field: 'cpuIowaitCores', label: 'waiting for I/O' },
  ]),
  chart<HostField>('memory', 'Memory', 'memory', [
    { field: 'memoryBytes', label: 'installed' },
    { field: 'memoryConfiguredBytes', label: 'configured for VMs' },
    { field: 'memoryAvailableBytes', label: 'available' },
  ]),
  chart<HostField>('network', 'Network', 'bytes/s', network),
  {
    ...chart<HostField>('pressure', 'Pressure: share of time spent waiting', 'fraction', [
      { field: 'psiCpuSomeFraction', label: 'for CPU' },
      { field: 'psiMemorySomeFraction', label: 'for memory' },
      { field: 'psiIoSomeFraction', label: 'for I/O' },
    ]),
    optional: true,
  },
]

export const arrayCharts: readonly ChartSpec[] = [
  chart<ArrayField>('bytes', 'Data', 'bytes/s', bytes),
  chart<ArrayField>('requests', 'Requests', '1/s', requests),
  chart<ArrayField>('latency', 'Latency', 'ms', latency),
]

export const arrayCacheCharts: readonly ChartSpec[] = [
  {
    ...chart<ArrayCacheField>('fill', 'In the write cache', 'bytes', [
      { field: 'fillBytes', label: 'likely' },
      { field: 'fillHighBytes', label: 'at most' },
      { field: 'fillLowBytes', label: 'at least' },
      { field: 'capacityBytes', label: 'capacity' },
    ]),
    band: [1, 2],
  },
  chart<ArrayCacheField>('flow', 'What comes in and drains', 'bytes/s', [
    { field: 'inflowBytesPerSecond', label: 'comes in' },
    { field: 'drainBytesPerSecond', label: 'drains' },
  ]),
]

/** What a guest says of itself is asked for rarely, so as not to wake it. */
export const rareFields: readonly VmField[] = ['memoryGuestUsedBytes']

/** Every field that the charts need, for one request. */
export function fieldsOf(charts: readonly ChartSpec[]): readonly string[] {
  return [...new Set(charts.flatMap((it) => it.lines.map((line) => line.field)))]
}
