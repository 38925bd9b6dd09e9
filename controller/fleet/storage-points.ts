import type { StorageHealth, StorageSourceName, StoragePool } from '../model/snapshot.js'
import { storageSeries } from '../model/storage-series.js'
import type { Point } from '../store/time-series.js'

/** What is worth storing of the health of a host's storage: of sources that were read, the figures that are known. */
export function storagePoints(
  hostId: string,
  { sources, mdArrays, disks, pools }: StorageHealth,
  atMs: number,
): Point[] {
  const isRead = (name: StorageSourceName): boolean => sources.some((one) => one.name === name && one.state === 'read')
  const point = (id: string, figures: Readonly<Record<string, number | undefined>>): Point[] => {
    const fields = Object.fromEntries(
      Object.entries(figures).filter((one): one is [string, number] => one[1] !== undefined),
    )
    return Object.keys(fields).length === 0 ? [] : [{ entity: { kind: 'storage', id }, atMs, fields }]
  }
  return [
    ...(isRead('md') ? mdArrays : []).flatMap(({ device, devices, inSyncDevices, syncFraction }) =>
      point(storageSeries.md(hostId, device), {
        missingDevices:
          devices === undefined || inSyncDevices === undefined ? undefined : Math.max(0, devices - inSyncDevices),
        syncFraction,
      }),
    ),
    ...(isRead('smart') ? disks : [])
      .filter(({ asleep, problem }) => !asleep && problem === '')
      .flatMap(({ device, pendingSectors, uncorrectableSectors, mediaErrors, usedFraction }) =>
        point(storageSeries.disk(hostId, device), {
          badSectors:
            pendingSectors === undefined && uncorrectableSectors === undefined
              ? undefined
              : (pendingSectors ?? 0) + (uncorrectableSectors ?? 0),
          mediaErrors,
          wearFraction: usedFraction,
        }),
      ),
    ...(isRead('lvm') ? pools : []).flatMap((pool) =>
      point(storageSeries.pool(hostId, pool.name), {
        missingDevices: pool.missingDevices,
        sizeBytes: pool.sizeBytes,
        dataFraction: pool.dataFraction ?? givenAway(pool),
        metadataFraction: pool.metadataFraction,
      }),
    ),
  ]
}

/** The share of a volume group that volumes have; undefined where that is not known. */
function givenAway({ sizeBytes, freeBytes }: StoragePool): number | undefined {
  return sizeBytes === undefined || sizeBytes === 0 || freeBytes === undefined ? undefined : 1 - freeBytes / sizeBytes
}
