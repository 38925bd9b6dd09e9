import { fileSystemId } from '../model/space-trend.js'
import type { Host } from '../model/snapshot.js'
import { storageSeries } from '../model/storage-series.js'

/** Something that fills, as its host tells of it now: a file system, or the data of a thin pool. */
export interface Filling {
  /** Of its series, and that one's kind. */
  readonly id: string
  readonly kind: 'file_system' | 'storage'
  readonly sizeBytes: number
  readonly availableBytes: number
}

export function fillingOn({
  id,
  fileSystems,
  storageHealth,
}: Pick<Host, 'id' | 'fileSystems' | 'storageHealth'>): Filling[] {
  const pools = storageHealth?.pools ?? []
  return [
    ...fileSystems.map(({ mount, sizeBytes, availableBytes }): Filling => {
      return { id: fileSystemId(id, mount), kind: 'file_system', sizeBytes, availableBytes }
    }),
    ...pools.flatMap(({ name, kind, sizeBytes, dataFraction }): Filling[] =>
      kind !== 'thin-pool' || sizeBytes === undefined || dataFraction === undefined
        ? []
        : [
            {
              id: storageSeries.pool(id, name),
              kind: 'storage',
              sizeBytes,
              availableBytes: sizeBytes * (1 - dataFraction),
            },
          ],
    ),
  ]
}
