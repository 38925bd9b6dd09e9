import type { StorageArray } from '../../model/snapshot.js'
import type { ArrayCacheView, ArrayView } from '../views.js'
import { given, knownMetrics } from './metrics-view.js'

/** All that an array's view is made of. */
export interface ArrayParts {
  readonly array: StorageArray
  readonly name: string
  readonly hosts: readonly string[]
  readonly vms: readonly string[]
  readonly cache: ArrayCacheView | undefined
}

export function arrayView({ array, name, hosts, vms, cache }: ArrayParts): ArrayView {
  return given({
    key: array.key,
    revision: array.revision,
    name,
    kind: array.kind,
    sizeBytes: array.sizeBytes,
    writeCache: array.writeCache,
    hosts: [...hosts],
    vms: [...vms],
    metrics: knownMetrics(array.metrics),
    cache,
  })
}
