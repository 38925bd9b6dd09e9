import type { Snapshot } from '../../model/snapshot.js'
import type { PlannedMove } from './plan.js'

type Moved = Pick<PlannedMove, 'vmUuid' | 'toHostId' | 'kind'>

/** The fleet as it would be after these moves: VMs on their new hosts, disks that are copied on storage of the new host alone. */
export function afterMoves(snapshot: Snapshot, moves: readonly Moved[]): Snapshot {
  const vms = new Map(snapshot.vms)
  const disks = new Map(snapshot.disks)
  const placements = new Map(snapshot.placements)
  for (const { vmUuid, toHostId, kind } of moves) {
    const vm = vms.get(vmUuid)
    if (vm === undefined) continue
    vms.set(vmUuid, { ...vm, hostId: toHostId })
    const placement = placements.get(vmUuid)
    if (placement !== undefined) placements.set(vmUuid, { ...placement, hostId: toHostId, runningOn: [toHostId] })
    if (kind !== 'cold-copy') continue
    for (const id of vm.diskIds) {
      const disk = disks.get(id)
      if (disk !== undefined) disks.set(id, { ...disk, arrayKey: `local:${toHostId}:${id}` })
    }
  }
  return { ...snapshot, vms, disks, placements }
}
