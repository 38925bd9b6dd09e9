/** Names of all that a driver may be able to measure or do. Metrics map to one of these; an unsupported one is absent everywhere. */
export const capabilityNames = [
  'events',
  'cpu',
  'vcpu-wait',
  'memory-size',
  'memory-guest',
  'memory-rss',
  'memory-active',
  'disk-bytes',
  'disk-requests',
  /** `degraded`: of the host's device beneath the disk, and shown as such. */
  'disk-latency',
  'disk-flush',
  'nic',
  'array-counters',
  /** A small write of the agent's own, by which an array's answer time and stalls are measured. */
  'canary',
  'host-cpu',
  'host-memory',
  'host-psi',
  /** What waits in the machine's memory to be written, and how much may. */
  'host-writeback',
  /** The processes of the machine itself that read and write most. */
  'host-processes',
  /** RAID, disks and pools of the machine itself. */
  'storage-health',
  /** As a storage server: what others do to LUNs of the machine. */
  'storage-exports',
] as const
export type CapabilityName = (typeof capabilityNames)[number]
