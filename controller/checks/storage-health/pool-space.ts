import { finding, hostSubject, type Finding, type Severity } from '../../model/finding.js'
import type { StoragePool } from '../../model/snapshot.js'
import { storageSeries } from '../../model/storage-series.js'
import { inPercent, storageEvidence, strengthOf, type HostStorage } from './host-storage.js'

interface Use {
  /** `data`, `metadata`, `volumes`. */
  readonly of: string
  readonly fraction: number | undefined
  readonly above: number
  readonly severity: Severity
}

/**
 * Thin pools that fill up: when one is full, the VMs on it stop, and without room for metadata it is damaged. Volume groups that are given
 * away, for those who want to make volumes.
 */
export function poolSpace(storage: HostStorage): Finding[] {
  const { clearWithin } = storage.thresholds['pool-space']
  const told = strengthOf(storage, 'lvm')
  return storage.health.pools.flatMap((pool) =>
    usesOf(pool, storage).flatMap(({ of, fraction, above, severity }) => {
      if (fraction === undefined || fraction < above - clearWithin) return []
      return [
        finding({
          check: 'pool-space',
          severity,
          subject: hostSubject(storage.host),
          part: `${pool.name} ${of}`,
          message: `${nameOf(pool)} is ${inPercent(fraction)} full${of === 'metadata' ? ' of metadata' : ''}`,
          evidence: [
            storageEvidence(
              storageSeries.pool(storage.host.id, pool.name),
              of === 'metadata' ? 'metadataFraction' : 'dataFraction',
              fraction,
              above,
            ),
          ],
          strength: told === 'raise' && fraction >= above ? 'raise' : 'keep',
        }),
      ]
    }),
  )
}

function usesOf(pool: StoragePool, { thresholds, health }: HostStorage): Use[] {
  const limits = thresholds['pool-space']
  if (pool.kind === 'thin-pool') {
    const { dataFraction = 0 } = pool
    const isCritical = dataFraction >= limits.criticalAbove
    return [
      { of: 'data', fraction: pool.dataFraction, above: limits.above, severity: isCritical ? 'critical' : 'warning' },
      { of: 'metadata', fraction: pool.metadataFraction, above: limits.metadataAbove, severity: 'critical' },
    ]
  }
  const { sizeBytes, freeBytes } = pool
  // One that a thin pool fills is as it should be.
  const hasThinPool = health.pools.some((other) => other.kind === 'thin-pool' && other.name.startsWith(`${pool.name}/`))
  if (sizeBytes === undefined || sizeBytes === 0 || freeBytes === undefined || hasThinPool) return []
  return [{ of: 'volumes', fraction: 1 - freeBytes / sizeBytes, above: limits.volumesAbove, severity: 'info' }]
}

function nameOf({ kind, name }: StoragePool): string {
  return `${kind === 'thin-pool' ? 'thin pool' : 'volume group'} ${name}`
}
