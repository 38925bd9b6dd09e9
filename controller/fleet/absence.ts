import type { Capability, Metric, MetricSource } from '../model/snapshot.js'
import { fieldNames, type EntityKind } from '../store/measurements.js'

/** The capability without which a field cannot be there. Fields that are not named are always possible. */
const capabilityOfField: Readonly<Record<EntityKind, Readonly<Record<string, string>>>> = {
  vm: {
    cpuCores: 'cpu',
    vcpuWaitFraction: 'vcpu-wait',
    memoryBytes: 'memory-size',
    memoryMaxBytes: 'memory-size',
    memoryRssBytes: 'memory-rss',
    memoryGuestUsedBytes: 'memory-guest',
    memoryGuestAvailableBytes: 'memory-guest',
    memorySwapInBytesPerSecond: 'memory-guest',
    memorySwapOutBytesPerSecond: 'memory-guest',
    memoryActiveBytes: 'memory-active',
    memoryBalloonedBytes: 'memory-active',
    memorySwappedBytes: 'memory-active',
    readBytesPerSecond: 'disk-bytes',
    writeBytesPerSecond: 'disk-bytes',
    readRequestsPerSecond: 'disk-requests',
    writeRequestsPerSecond: 'disk-requests',
    readLatencyMs: 'disk-latency',
    writeLatencyMs: 'disk-latency',
    flushRequestsPerSecond: 'disk-flush',
    flushLatencyMs: 'disk-flush',
    receiveBytesPerSecond: 'nic',
    transmitBytesPerSecond: 'nic',
    receiveErrorsPerSecond: 'nic',
    transmitErrorsPerSecond: 'nic',
  },
  disk: {
    readBytesPerSecond: 'disk-bytes',
    writeBytesPerSecond: 'disk-bytes',
    readBytesTotal: 'disk-bytes',
    writeBytesTotal: 'disk-bytes',
    readRequestsPerSecond: 'disk-requests',
    writeRequestsPerSecond: 'disk-requests',
    readLatencyMs: 'disk-latency',
    writeLatencyMs: 'disk-latency',
    flushRequestsPerSecond: 'disk-flush',
    flushLatencyMs: 'disk-flush',
  },
  nic: {
    receiveBytesPerSecond: 'nic',
    transmitBytesPerSecond: 'nic',
    receiveErrorsPerSecond: 'nic',
    transmitErrorsPerSecond: 'nic',
  },
  host: {
    cpuUsedCores: 'host-cpu',
    cpuIowaitCores: 'host-cpu',
    cpuStealCores: 'host-cpu',
    memoryAvailableBytes: 'host-memory',
    psiCpuSomeFraction: 'host-psi',
    psiMemorySomeFraction: 'host-psi',
    psiMemoryFullFraction: 'host-psi',
    psiIoSomeFraction: 'host-psi',
    psiIoFullFraction: 'host-psi',
  },
  array: {},
  file_system: {},
}

const sourceOfField: Readonly<Record<string, MetricSource>> = {
  memoryRssBytes: 'machine',
  memoryGuestUsedBytes: 'guest',
  memoryGuestAvailableBytes: 'guest',
  memorySwapInBytesPerSecond: 'guest',
  memorySwapOutBytesPerSecond: 'guest',
  memoryConfiguredBytes: 'computed',
}

/** Why a field cannot be measured on a host with these capabilities; undefined if it can. */
export function whyUnmeasurable(
  kind: EntityKind,
  field: string,
  capabilities: readonly Capability[],
): string | undefined {
  const name = capabilityOfField[kind][field]
  if (name === undefined) return undefined
  const capability = capabilities.find((one) => one.name === name)
  if (capability === undefined) return 'not measured by this driver'
  return capability.support === 'no' ? capability.reason || 'not measured by this hypervisor' : undefined
}

/** A VM's latency that is degraded is that of the host's device beneath its disk: see common/capabilities.ts. */
function sourceOf(kind: EntityKind, field: string, capabilities: readonly Capability[]): MetricSource | undefined {
  const isDiskLatency = capabilityOfField[kind][field] === 'disk-latency'
  const byDevice =
    isDiskLatency && capabilities.some(({ name, support }) => name === 'disk-latency' && support === 'degraded')
  return byDevice ? 'device' : sourceOfField[field]
}

export type Metrics = Readonly<Record<string, Metric>>

/** All fields of a kind, none of them read yet. */
export function unread(kind: EntityKind, capabilities: readonly Capability[]): Metrics {
  const metrics: Record<string, Metric> = {}
  for (const field of fieldNames(kind)) {
    metrics[field] = { absent: whyUnmeasurable(kind, field, capabilities) ?? 'not read yet' }
  }
  return metrics
}

/** New values of fields; `null`: read, and there is no such figure (a latency without requests). */
export type Readings = Readonly<Record<string, number | null>>

export interface Merged {
  readonly metrics: Metrics
  /** What is worth storing: the values that are numbers and measurable. */
  readonly stored: Readonly<Record<string, number>>
}

/** Puts new readings over the old metrics. Values of fields that this host cannot measure are dropped. */
export function merge(
  kind: EntityKind,
  old: Metrics,
  readings: Readings,
  at: number,
  {
    capabilities,
    defaultSource,
  }: { readonly capabilities: readonly Capability[]; readonly defaultSource: MetricSource },
): Merged {
  const metrics: Record<string, Metric> = { ...old }
  const stored: Record<string, number> = {}
  for (const [field, value] of Object.entries(readings)) {
    if (whyUnmeasurable(kind, field, capabilities) !== undefined) continue
    if (value === null) {
      metrics[field] = { absent: 'no requests in the interval' }
    } else if (Number.isFinite(value)) {
      metrics[field] = { value, at, source: sourceOf(kind, field, capabilities) ?? defaultSource }
      stored[field] = value
    }
  }
  return { metrics, stored }
}

/** Marks what was live as no longer known, with the reason. Sizes that the definition gives stay. */
export function forget(metrics: Metrics, fields: readonly string[], reason: string): Metrics {
  const kept: Record<string, Metric> = { ...metrics }
  for (const field of fields) {
    const metric = kept[field]
    if (metric !== undefined && 'value' in metric) kept[field] = { absent: reason }
  }
  return kept
}
