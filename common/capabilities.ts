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
  'host-cpu',
  'host-memory',
  'host-psi',
  /** RAID, disks and pools of the machine itself. */
  'storage-health',
] as const
export type CapabilityName = (typeof capabilityNames)[number]
