/**
 * Every measurement, tag and field that is ever stored, once. Names are public: dashboards and queries use them. Add; never rename.
 * A field's name carries its unit. Rates are means since the sample before.
 *
 * `tags` say which entity it is; `labels` what people call it and where it was, for servers that others read (the embedded store has none).
 * A label may change while the entity stays: nothing is ever found by it here.
 */

interface FieldSpec {
  readonly unit: 'bytes' | 'bytes/s' | '1/s' | 'ms' | 'cores' | 's' | 'fraction' | 'count'
  readonly help: string
}

const io = {
  readBytesPerSecond: { unit: 'bytes/s', help: 'bytes read' },
  writeBytesPerSecond: { unit: 'bytes/s', help: 'bytes written' },
  readRequestsPerSecond: { unit: '1/s', help: 'read requests completed' },
  writeRequestsPerSecond: { unit: '1/s', help: 'write requests completed' },
  readLatencyMs: { unit: 'ms', help: 'mean time of a read request; absent when there was none' },
  writeLatencyMs: { unit: 'ms', help: 'mean time of a write request; absent when there was none' },
} as const satisfies Record<string, FieldSpec>

const flush = {
  flushRequestsPerSecond: { unit: '1/s', help: 'flush requests completed' },
  flushLatencyMs: { unit: 'ms', help: 'mean time of a flush; absent when there was none' },
} as const satisfies Record<string, FieldSpec>

const network = {
  receiveBytesPerSecond: { unit: 'bytes/s', help: 'bytes received' },
  transmitBytesPerSecond: { unit: 'bytes/s', help: 'bytes sent' },
  receiveErrorsPerSecond: { unit: '1/s', help: 'receive errors' },
  transmitErrorsPerSecond: { unit: '1/s', help: 'transmit errors' },
} as const satisfies Record<string, FieldSpec>

export const measurements = {
  vm: {
    tags: ['uuid'],
    labels: ['name', 'hostName'],
    fields: {
      cpuCores: { unit: 'cores', help: 'CPU time used per second' },
      vcpuWaitFraction: { unit: 'fraction', help: 'share of time that a vCPU waited for a CPU, all vCPUs added up' },
      memoryBytes: { unit: 'bytes', help: 'memory it has now (balloon)' },
      memoryMaxBytes: { unit: 'bytes', help: 'memory it is configured to grow to' },
      memoryRssBytes: { unit: 'bytes', help: 'memory of its process on the host' },
      memoryGuestUsedBytes: { unit: 'bytes', help: 'memory in use, as the guest says' },
      memoryGuestAvailableBytes: { unit: 'bytes', help: 'memory available, as the guest says' },
      memorySwapInBytesPerSecond: { unit: 'bytes/s', help: 'swapped in by the guest' },
      memorySwapOutBytesPerSecond: { unit: 'bytes/s', help: 'swapped out by the guest' },
      memoryActiveBytes: { unit: 'bytes', help: 'memory touched lately (ESXi)' },
      memoryBalloonedBytes: { unit: 'bytes', help: 'memory taken back by the balloon (ESXi)' },
      memorySwappedBytes: { unit: 'bytes', help: 'memory swapped by the host (ESXi)' },
      ...io,
      ...flush,
      ...network,
      running: { unit: 'count', help: '1 while it runs, 0 otherwise' },
    },
  },
  disk: {
    tags: ['uuid', 'target'],
    labels: ['vmName'],
    fields: {
      ...io,
      ...flush,
      readBytesTotal: { unit: 'bytes', help: 'bytes read since this run began' },
      writeBytesTotal: { unit: 'bytes', help: 'bytes written since this run began' },
      outOfSlotsPerSecond: { unit: '1/s', help: 'times a request waited for a free slot (Xen)' },
    },
  },
  nic: { tags: ['uuid', 'device'], labels: ['vmName'], fields: { ...network } },
  host: {
    tags: ['host'],
    labels: ['name'],
    fields: {
      cpuUsedCores: { unit: 'cores', help: 'CPU time used per second, guests included' },
      cpuIowaitCores: { unit: 'cores', help: 'CPUs idle while I/O was pending' },
      cpuStealCores: { unit: 'cores', help: 'CPU time taken by an outer hypervisor' },
      load1: { unit: 'count', help: 'load average of one minute' },
      memoryBytes: { unit: 'bytes', help: 'memory of the machine' },
      memoryAvailableBytes: { unit: 'bytes', help: 'memory available without swapping' },
      memoryManagedBytes: { unit: 'bytes', help: 'memory of the hypervisor, for VMs and itself' },
      memoryConfiguredBytes: { unit: 'bytes', help: 'configured memory of its running VMs' },
      swapUsedBytes: { unit: 'bytes', help: 'swap in use' },
      swapInBytesPerSecond: { unit: 'bytes/s', help: 'swapped in' },
      swapOutBytesPerSecond: { unit: 'bytes/s', help: 'swapped out' },
      dirtyBytes: { unit: 'bytes', help: 'written by programs of the host and not yet sent to the storage' },
      writebackBytes: { unit: 'bytes', help: 'sent to the storage and not yet come back' },
      dirtyBackgroundBytes: { unit: 'bytes', help: 'from so much on the kernel writes in the background' },
      dirtyLimitBytes: { unit: 'bytes', help: 'from so much on those who write have to wait' },
      psiCpuSomeFraction: { unit: 'fraction', help: 'share of time that some task waited for a CPU' },
      psiMemorySomeFraction: { unit: 'fraction', help: 'share of time that some task waited for memory' },
      psiMemoryFullFraction: { unit: 'fraction', help: 'share of time that all tasks waited for memory' },
      psiIoSomeFraction: { unit: 'fraction', help: 'share of time that some task waited for I/O' },
      psiIoFullFraction: { unit: 'fraction', help: 'share of time that all tasks waited for I/O' },
      uptimeSeconds: { unit: 's', help: 'time since boot' },
      receiveBytesPerSecond: { unit: 'bytes/s', help: 'bytes received by its physical interfaces' },
      transmitBytesPerSecond: { unit: 'bytes/s', help: 'bytes sent by its physical interfaces' },
    },
  },
  array: {
    tags: ['array', 'host'],
    labels: ['name', 'hostName'],
    fields: {
      ...io,
      inFlight: { unit: 'count', help: 'requests in flight' },
      stripeCacheFraction: {
        unit: 'fraction',
        help: 'used of the stripe cache of md with parity: when full, writes wait',
      },
      canaryMs: { unit: 'ms', help: "time of the canary's own small write" },
      canaryOverdueMs: { unit: 'ms', help: "how long the canary's write has not come back, while it is late" },
    },
  },
  file_system: {
    tags: ['host', 'mount'],
    labels: ['hostName'],
    fields: {
      sizeBytes: { unit: 'bytes', help: 'size' },
      availableBytes: { unit: 'bytes', help: 'available to unprivileged users' },
      filesFree: { unit: 'count', help: 'free inodes' },
    },
  },
  storage: {
    tags: ['host', 'part'],
    labels: ['hostName'],
    fields: {
      missingDevices: { unit: 'count', help: 'devices that an array of md or a volume group lacks' },
      syncFraction: { unit: 'fraction', help: 'how far an array of md is rebuilt, while it is' },
      badSectors: { unit: 'count', help: 'sectors of a disk that are pending or uncorrectable' },
      mediaErrors: { unit: 'count', help: 'errors of the medium of a disk' },
      wearFraction: { unit: 'fraction', help: 'used of the rated life of a disk' },
      sizeBytes: { unit: 'bytes', help: 'size of a thin pool or a volume group' },
      dataFraction: { unit: 'fraction', help: 'used of a thin pool, or given away of a volume group' },
      metadataFraction: { unit: 'fraction', help: 'used of the metadata of a thin pool' },
      readBytesPerSecond: { unit: 'bytes/s', help: 'bytes that others read from a LUN that the host exports' },
      writeBytesPerSecond: { unit: 'bytes/s', help: 'bytes that others wrote to a LUN that the host exports' },
      readRequestsPerSecond: { unit: '1/s', help: 'read requests of others to a LUN that the host exports' },
      writeRequestsPerSecond: { unit: '1/s', help: 'write requests of others to a LUN that the host exports' },
      inFlight: { unit: 'count', help: 'requests of others to a LUN that have come and are not done' },
    },
  },
  array_cache: {
    tags: ['array'],
    labels: ['name'],
    fields: {
      fillLowBytes: { unit: 'bytes', help: 'least in the write cache: in 9 of 10 cases it is more' },
      fillBytes: { unit: 'bytes', help: 'likely in the write cache, not on the disks yet' },
      fillHighBytes: { unit: 'bytes', help: 'most in the write cache: in 9 of 10 cases it is less' },
      capacityBytes: { unit: 'bytes', help: 'likely size of the write cache, as hosts count' },
      drainBytesPerSecond: { unit: 'bytes/s', help: 'likely speed at which it empties, of the load of now' },
      inflowBytesPerSecond: { unit: 'bytes/s', help: 'what is written to it' },
      roomBytes: { unit: 'bytes', help: 'likely room in it' },
      secondsToSaturation: { unit: 's', help: 'until it is full at this inflow; absent: not within an hour' },
      state: {
        unit: 'count',
        help: '0 unknown, 1 idle, 2 draining, 3 filling, 4 near full, 5 saturated, 6 stalled, 7 write-through',
      },
      overflows: { unit: 'count', help: 'how often it was seen to overflow' },
    },
  },
} as const satisfies Record<
  string,
  { tags: readonly string[]; labels: readonly string[]; fields: Record<string, FieldSpec> }
>

/** What happened, as a server holds it. There it is for annotations; the program's own events stay beside the queue. */
export const eventMeasurement = {
  name: 'event',
  tags: ['uuid', 'host', 'kind', 'reason', 'vmName', 'hostName'],
  /** Always 1. */
  field: 'count',
  /** A sentence; only where a server keeps texts (InfluxDB). */
  text: 'text',
} as const

export type EntityKind = keyof typeof measurements
export type FieldOf<Kind extends EntityKind> = keyof (typeof measurements)[Kind]['fields'] & string
export type VmField = FieldOf<'vm'>
export type DiskField = FieldOf<'disk'>
export type NicField = FieldOf<'nic'>
export type HostField = FieldOf<'host'>
export type ArrayField = FieldOf<'array'>
export type ArrayCacheField = FieldOf<'array_cache'>

export const entityKinds: readonly EntityKind[] = [
  'vm',
  'disk',
  'nic',
  'host',
  'array',
  'file_system',
  'storage',
  'array_cache',
]

/** Longer labels are cut. */
export const maxLabelLength = 128

/** True if the kind has a field of that name. */
export function isField(kind: EntityKind, name: string): boolean {
  return Object.hasOwn(measurements[kind].fields, name)
}

/** Names of a kind's fields. */
export function fieldNames(kind: EntityKind): readonly string[] {
  return Object.keys(measurements[kind].fields)
}
