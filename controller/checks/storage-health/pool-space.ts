import { finding, hostSubject, severityRank, type Finding, type Severity } from '../../model/finding.js'
import type { StoragePool } from '../../model/snapshot.js'
import { storageSeries } from '../../model/storage-series.js'
import { nothingKnown, soonFull, type SoonFull } from '../space/soon-full.js'
import { strengthAbove, strongest } from '../strength.js'
import { inPercent, storageEvidence, strengthOf, type HostStorage } from './host-storage.js'

interface Use {
  readonly of: 'data' | 'metadata' | 'volumes'
  readonly fraction: number | undefined
  readonly above: number
  readonly severity: Severity
}

/**
 * Thin pools that are nearly full or will be soon: when one is full, the VMs on it stop, and without room for metadata it is damaged. Volume groups that are given
 * away, for those who want to make volumes.
 */
export function poolSpace(storage: HostStorage): Finding[] {
  const { clearWithin } = storage.thresholds['pool-space']
  const told = strengthOf(storage, 'lvm')
  return storage.health.pools.flatMap((pool) =>
    usesOf(pool, storage).flatMap(({ of, fraction, above, severity }) => {
      if (fraction === undefined) return []
      const soon = of === 'data' ? fullSoon(pool, fraction, storage) : undefined
      const byLevel = strengthAbove(fraction, above, above - clearWithin)
      const strength = strongest([byLevel, soon?.strength])
      if (strength === undefined) return []
      const isByLevel = byLevel === strength
      const isSoon = soon?.strength === strength && soon.text !== ''
      const level = `${nameOf(pool)} is ${inPercent(fraction)} full${of === 'metadata' ? ' of metadata' : ''}`
      return [
        finding({
          check: 'pool-space',
          severity: worst([...(isByLevel ? [severity] : []), ...(isSoon ? [soon.severity] : [])]),
          subject: hostSubject(storage.host),
          part: `${pool.name} ${of}`,
          message: isSoon ? `${level}; ${soon.text}` : level,
          evidence: [
            storageEvidence(
              storageSeries.pool(storage.host.id, pool.name),
              of === 'metadata' ? 'metadataFraction' : 'dataFraction',
              fraction,
              isByLevel ? above : undefined,
            ),
          ],
          strength: told === 'raise' ? strength : 'keep',
        }),
      ]
    }),
  )
}

/** What it says of a thin pool that will be full soon; without words while it is not known yet how it fills, which ends nothing. */
function fullSoon(
  { name, sizeBytes }: StoragePool,
  dataFraction: number,
  { host, thresholds, trends }: HostStorage,
): SoonFull | undefined {
  if (trends === undefined || sizeBytes === undefined) return undefined
  const known = trends.get(storageSeries.pool(host.id, name)) ?? nothingKnown
  const soon = soonFull(sizeBytes * (1 - dataFraction), known.trends, thresholds['pool-space'])
  return soon ?? (known.isRecentKnown ? undefined : { strength: 'keep', severity: 'warning', text: '' })
}

/** Of what only keeps an alert it does not matter. */
function worst(severities: readonly Severity[]): Severity {
  return severities.toSorted((a, b) => severityRank[b] - severityRank[a])[0] ?? 'warning'
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
