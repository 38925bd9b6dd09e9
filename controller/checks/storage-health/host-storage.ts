import { finding, hostSubject, type Evidence, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Host, StorageHealth, StorageSourceName } from '../../model/snapshot.js'
import type { SpaceTrends } from '../../model/space-trend.js'

/** One host that told of its storage, as the checks of this folder see it. */
export interface HostStorage {
  readonly host: Host
  readonly health: StorageHealth
  readonly thresholds: Policy['thresholds']
  /** Undefined: nobody looks at them. */
  readonly trends: SpaceTrends | undefined
}

/**
 * How firmly something is said by what a source told. While a source fails, or its host is not up, what was read before raises nothing new and
 * ends nothing.
 */
export function strengthOf({ host, health }: HostStorage, name: StorageSourceName): Finding['strength'] {
  const source = health.sources.find((one) => one.name === name)
  return host.status === 'up' && source?.state === 'read' ? 'raise' : 'keep'
}

/** Something that a source told of a host's storage. */
export function saidBy(
  storage: HostStorage,
  source: StorageSourceName,
  said: Pick<Finding, 'check' | 'severity' | 'part' | 'message'> & Partial<Pick<Finding, 'evidence'>>,
): Finding {
  return finding({ ...said, subject: hostSubject(storage.host), strength: strengthOf(storage, source) })
}

/** Which sources tell of what a check finds. */
export const sourcesOfCheck: Readonly<Record<string, readonly StorageSourceName[]>> = {
  'raid-degraded': ['md', 'raid-controller', 'lvm'],
  'raid-rebuilding': ['md', 'raid-controller'],
  'raid-controller': ['raid-controller'],
  'disk-failing': ['smart', 'raid-controller'],
  'pool-space': ['lvm'],
}

/** A figure of a series of kind `storage`. */
export function storageEvidence(entityId: string, field: string, value: number | undefined, limit?: number): Evidence {
  return { entityKind: 'storage', entityId, field, value, limit }
}

/** `12%`; never 100% before it is whole. */
export function inPercent(fraction: number): string {
  return `${Math.floor(fraction * 100)}%`
}

/** `1 device`, `2 devices`. */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`
}
