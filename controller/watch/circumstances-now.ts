import type { ArrayWatch } from '../array-watch/array-watch.js'
import type { ChannelTrouble, Circumstances, UnsettledMove } from '../model/circumstances.js'
import type { Snapshot } from '../model/snapshot.js'
import type { SpaceTrends } from '../model/space-trend.js'
import type { ChangeWatch } from './change-watch.js'
import type { ServiceWatch } from './service-watch.js'

export interface Watched {
  readonly changes: Pick<ChangeWatch, 'changes'>
  readonly service: Pick<ServiceWatch, 'seen'>
  readonly trends: { readonly current: SpaceTrends }
  readonly arrays: Pick<ArrayWatch, 'watched'>
  /** The same object as long as nothing of it changes. */
  readonly channels: { readonly troubles: readonly ChannelTrouble[] }
  /** The same object as long as nothing of it changes. */
  readonly moves: { readonly unsettled: readonly UnsettledMove[] }
  /** Of the controller. */
  readonly version: string
}

/** All that is watched beside the fleet, of a snapshot: the same object as long as nothing of it changes. */
export function circumstancesNow({
  changes,
  service,
  trends,
  arrays,
  channels,
  moves,
  version,
}: Watched): (snapshot: Snapshot) => Circumstances {
  let last: { readonly of: readonly unknown[]; readonly made: Circumstances } | undefined
  return (snapshot) => {
    const parts = {
      changes: changes.changes(snapshot),
      trends: trends.current,
      arrays: arrays.watched,
      channels: channels.troubles,
      moves: moves.unsettled,
    }
    const of = [...Object.values(parts), service.seen]
    if (last === undefined || of.some((one, at) => one !== last?.of[at]))
      last = { of, made: { version, ...parts, ...service.seen } }
    return last.made
  }
}
