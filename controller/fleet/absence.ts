import type { CapabilityName } from '../../common/capabilities.js'
import { noRequests, type Capability, type Metric, type MetricSource } from '../model/snapshot.js'
import { fieldNames, type EntityKind, type FieldOf } from '../store/measurements.js'

/** What a host must be able to measure for a field to be there: one capability, one of several, or nothing in particular. */
type Need = CapabilityName | readonly CapabilityName[] | 'always'

const bytes = { readBytesPerSecond: 'disk-bytes', writeBytesPerSecond: 'disk-bytes' } as const
const requests = { readRequestsPerSecond: 'disk-requests', writeRequestsPerSecond: 'disk-requests' } as const
const latency = { readLatencyMs: 'disk-latency', writeLatencyMs: 'disk-latency' } as const
const flush = { flushRequestsPerSecond: 'disk-flush', flushLatencyMs: 'disk-flush' } as const
const network = {
  receiveBytesPerSecond: 'nic',
  transmitBytesPerSecond: 'nic',
  receiveErrorsPerSecond: 'nic',
  transmitErrorsPerSecond: 'nic',
} as const

/** Which capability stands for which metric: the one table of it. A field without a line does not compile. */
const needs = {
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
    ...bytes,
    ...requests,
    ...latency,
    ...flush,
    ...network,
    running: 'always',
  },
  disk: {
    ...bytes,
    readBytesTotal: 'disk-bytes',
    writeBytesTotal: 'disk-bytes',
    ...requests,
    ...latency,
    ...flush,
    outOfSlotsPerSecond: 'disk-requests',
  },
  nic: network,
  host: {
    cpuUsedCores: 'host-cpu',
    cpuIowaitCores: 'host-cpu',
    cpuStealCores: 'host-cpu',
    load1: 'host-cpu',
    memoryBytes: 'always',
    memoryAvailableBytes: 'host-memory',
    memoryManagedBytes: 'always',
    memoryConfiguredBytes: 'always',
    swapUsedBytes: 'host-memory',
    swapInBytesPerSecond: 'host-memory',
    swapOutBytesPerSecond: 'host-memory',
    dirtyBytes: 'host-writeback',
    writebackBytes: 'host-writeback',
    dirtyBackgroundBytes: 'host-writeback',
    dirtyLimitBytes: 'host-writeback',
    psiCpuSomeFraction: 'host-psi',
    psiMemorySomeFraction: 'host-psi',
    psiMemoryFullFraction: 'host-psi',
    psiIoSomeFraction: 'host-psi',
    psiIoFullFraction: 'host-psi',
    uptimeSeconds: 'always',
    receiveBytesPerSecond: 'always',
    transmitBytesPerSecond: 'always',
  },
  // Of arrays that a host does not count, its VMs' disks are added up.
  array: {
    readBytesPerSecond: ['array-counters', 'disk-bytes'],
    writeBytesPerSecond: ['array-counters', 'disk-bytes'],
    readRequestsPerSecond: ['array-counters', 'disk-requests'],
    writeRequestsPerSecond: ['array-counters', 'disk-requests'],
    readLatencyMs: ['array-counters', 'disk-latency'],
    writeLatencyMs: ['array-counters', 'disk-latency'],
    inFlight: 'array-counters',
    stripeCacheFraction: 'array-counters',
    canaryMs: 'canary',
    canaryOverdueMs: 'canary',
  },
  file_system: { sizeBytes: 'always', availableBytes: 'always', filesFree: 'always' },
  storage: {
    missingDevices: 'storage-health',
    syncFraction: 'storage-health',
    badSectors: 'storage-health',
    mediaErrors: 'storage-health',
    wearFraction: 'storage-health',
    sizeBytes: 'storage-health',
    dataFraction: 'storage-health',
    metadataFraction: 'storage-health',
    readBytesPerSecond: 'storage-exports',
    writeBytesPerSecond: 'storage-exports',
    readRequestsPerSecond: 'storage-exports',
    writeRequestsPerSecond: 'storage-exports',
    inFlight: 'storage-exports',
  },
  // Worked out, and left out where nothing tells.
  array_cache: {
    fillLowBytes: 'always',
    fillBytes: 'always',
    fillHighBytes: 'always',
    capacityBytes: 'always',
    drainBytesPerSecond: 'always',
    inflowBytesPerSecond: 'always',
    roomBytes: 'always',
    secondsToSaturation: 'always',
    state: 'always',
    overflows: 'always',
  },
} as const satisfies { readonly [Kind in EntityKind]: Readonly<Record<FieldOf<Kind>, Need>> }

/** The capabilities of which one is needed for a field; none: it needs no particular one. */
function neededFor(kind: EntityKind, field: string): readonly string[] {
  const fields: Readonly<Record<string, Need>> = needs[kind]
  const need = Object.hasOwn(fields, field) ? fields[field] : undefined
  if (need === undefined || need === 'always') return []
  return typeof need === 'string' ? [need] : need
}

const sourceOfField: Readonly<Record<string, MetricSource>> = {
  memoryRssBytes: 'machine',
  memoryGuestUsedBytes: 'guest',
  memoryGuestAvailableBytes: 'guest',
  memorySwapInBytesPerSecond: 'guest',
  memorySwapOutBytesPerSecond: 'guest',
  memoryManagedBytes: 'hypervisor',
  memoryConfiguredBytes: 'computed',
}

/** Why a field cannot be measured on a host with these capabilities; undefined if it can. */
export function whyUnmeasurable(
  kind: EntityKind,
  field: string,
  capabilities: readonly Capability[],
): string | undefined {
  return unmeasurableFields(kind, capabilities).get(field)
}

type Unmeasurable = ReadonlyMap<string, string>

/** Asked for every figure of every report, and the same until the host says anew what it can. */
const remembered = new WeakMap<readonly Capability[], Map<EntityKind, Unmeasurable>>()

/** Fields that cannot be measured, and why. */
function unmeasurableFields(kind: EntityKind, capabilities: readonly Capability[]): Unmeasurable {
  const byKind = remembered.get(capabilities) ?? new Map<EntityKind, Unmeasurable>()
  remembered.set(capabilities, byKind)
  const known = byKind.get(kind)
  if (known !== undefined) return known
  const fields = new Map<string, string>()
  for (const field of fieldNames(kind)) {
    const [reason, ...more] = neededFor(kind, field).map((name) => whyNot(name, capabilities))
    if (reason !== undefined && !more.includes(undefined)) fields.set(field, reason)
  }
  byKind.set(kind, fields)
  return fields
}

/** Why a host cannot do something; undefined if it can. */
export function whyNot(name: string, capabilities: readonly Capability[]): string | undefined {
  const capability = capabilities.find((one) => one.name === name)
  if (capability === undefined) return 'not measured by this driver'
  return capability.support === 'no' ? capability.reason || 'not measured by this hypervisor' : undefined
}

/** What is said of a field without a reading: where it cannot be expected everywhere, how far it can. */
function whyUnread(kind: EntityKind, field: string, capabilities: readonly Capability[]): string {
  const needed = neededFor(kind, field)
  const limited = capabilities.find(({ name, support }) => support === 'degraded' && needed.includes(name))
  return limited === undefined || limited.reason === ''
    ? 'not read yet'
    : `not read yet; limited here: ${limited.reason}`
}

/** A VM's latency that is degraded is that of the host's device beneath its disk: see common/capabilities.ts. */
function sourceOf(kind: EntityKind, field: string, capabilities: readonly Capability[]): MetricSource | undefined {
  const [needed] = neededFor(kind, field)
  const byDevice =
    needed === 'disk-latency' &&
    capabilities.some(({ name, support }) => name === 'disk-latency' && support === 'degraded')
  return byDevice ? 'device' : sourceOfField[field]
}

function reasonOf(metric: Metric | undefined): string | undefined {
  return metric !== undefined && 'absent' in metric ? metric.absent : undefined
}

/** What a host said that it can measure, before and now. */
export interface CapabilityChange {
  readonly before: readonly Capability[]
  readonly after: readonly Capability[]
}

export type Metrics = Readonly<Record<string, Metric>>

const unreadBefore = new WeakMap<readonly Capability[], Map<EntityKind, Metrics>>()

/** All fields of a kind, none of them read yet: one object for all that a host tells of. */
export function unread(kind: EntityKind, capabilities: readonly Capability[]): Metrics {
  const byKind = unreadBefore.get(capabilities) ?? new Map<EntityKind, Metrics>()
  unreadBefore.set(capabilities, byKind)
  const known = byKind.get(kind) ?? madeUnread(kind, capabilities)
  byKind.set(kind, known)
  return known
}

function madeUnread(kind: EntityKind, capabilities: readonly Capability[]): Metrics {
  const metrics: Record<string, Metric> = {}
  for (const field of fieldNames(kind)) {
    const absent = whyUnmeasurable(kind, field, capabilities) ?? whyUnread(kind, field, capabilities)
    metrics[field] = { absent }
  }
  return metrics
}

/** The metrics after the host has said anew what it can measure: what it cannot any more goes, what it can now may come. */
export function reconsider(kind: EntityKind, metrics: Metrics, { before, after }: CapabilityChange): Metrics {
  const now: Record<string, Metric> = { ...metrics }
  const former = unread(kind, before)
  for (const [field, metric] of Object.entries(unread(kind, after))) {
    const isUnread = reasonOf(metrics[field]) === reasonOf(former[field])
    const isLost = whyUnmeasurable(kind, field, after) !== undefined
    if (isLost || (isUnread && reasonOf(metrics[field]) !== undefined)) now[field] = metric
  }
  return now
}

/** New values of fields; `null`: read, and there is no such figure (a latency without requests). */
export type Readings = Readonly<Record<string, number | null>>

export interface Merged {
  readonly metrics: Metrics
  /** What is worth storing: the values that are numbers and measurable. */
  readonly stored: Readonly<Record<string, number>>
  /** Fields that the host says it cannot measure. */
  readonly refused: readonly string[]
}

const nothingAsked: Metric = { absent: noRequests }

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
  const refused: string[] = []
  for (const [field, value] of Object.entries(readings)) {
    if (whyUnmeasurable(kind, field, capabilities) !== undefined) {
      // A host that has not said yet what it can measure contradicts nothing.
      if (capabilities.length > 0) refused.push(field)
    } else if (value === null) {
      metrics[field] = nothingAsked
    } else if (Number.isFinite(value)) {
      metrics[field] = { value, at, source: sourceOf(kind, field, capabilities) ?? defaultSource }
      stored[field] = value
    }
  }
  return { metrics, stored, refused }
}

/** Fields of VMs, disks and network interfaces that mean nothing while the VM does not run. */
const liveFields = [
  'cpuCores',
  'vcpuWaitFraction',
  'memoryRssBytes',
  'memoryGuestUsedBytes',
  'memoryGuestAvailableBytes',
  'memoryActiveBytes',
  'memoryBalloonedBytes',
  'memorySwappedBytes',
  'memorySwapInBytesPerSecond',
  'memorySwapOutBytesPerSecond',
  ...['read', 'write', 'flush'].flatMap((way) => [
    `${way}BytesPerSecond`,
    `${way}RequestsPerSecond`,
    `${way}LatencyMs`,
  ]),
  'receiveBytesPerSecond',
  'transmitBytesPerSecond',
  'receiveErrorsPerSecond',
  'transmitErrorsPerSecond',
]

/** Marks what was live as no longer known, with the reason. Sizes that the definition gives stay. */
export function silenced(metrics: Metrics, reason: string): Metrics {
  const kept: Record<string, Metric> = { ...metrics }
  for (const field of liveFields) {
    const metric = kept[field]
    if (metric !== undefined && 'value' in metric) kept[field] = { absent: reason }
  }
  return kept
}
