import type { Circumstances, UnsettledMove } from '../../model/circumstances.js'
import { finding, vmSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { isRunning, type Placement, type Snapshot, type Vm } from '../../model/snapshot.js'
import { hostPartners, namedHosts } from './named-hosts.js'

/**
 * VMs that a move has left halted. On two hosts: whoever halted them, no VM is used so. On one, its other copy off or gone: only where a move of ours is
 * known to have come to no end, since people halt VMs too. And a halted copy beside one that runs, when no move is under way any more: it takes memory,
 * and must never be let go on. Where one of the hosts is not heard of, what is known raises nothing and ends nothing.
 */
export function vmHaltedByMove(snapshot: Snapshot, _policy: Policy, { moves = [] }: Circumstances): Finding[] {
  const byVm = new Map(moves.map((move) => [move.vmUuid, move]))
  const uuids = new Set(byVm.keys())
  for (const { vmUuid, copies = [] } of snapshot.placements.values())
    if (copies.filter(({ isHalted }) => isHalted === true).length > 1) uuids.add(vmUuid)
  return [...uuids].flatMap((uuid) => {
    const vm = snapshot.vms.get(uuid)
    return vm === undefined ? [] : judge(snapshot, vm, snapshot.placements.get(uuid), byVm.get(uuid))
  })
}

function judge(
  snapshot: Snapshot,
  vm: Vm,
  placement: Placement | undefined,
  move: UnsettledMove | undefined,
): Finding[] {
  const copies = placement?.copies ?? []
  const halted = copies.filter(({ isHalted }) => isHalted === true).map(({ hostId }) => hostId)
  const runs = isRunning(vm.state) || copies.some((copy) => copy.runs)
  // Halted for a moment at its end, and on its new host from the beginning.
  if (move?.stands === 'under-way') return []
  if (runs) return move !== undefined && halted.length > 0 ? [leftOver(snapshot, vm, halted, move)] : []
  if (halted.length > 1) return [haltedFinding(snapshot, vm, halted, move)]
  return vm.state === 'paused' && move?.stands === 'between' ? [haltedFinding(snapshot, vm, [vm.hostId], move)] : []
}

function haltedFinding(snapshot: Snapshot, vm: Vm, on: readonly string[], move: UnsettledMove | undefined): Finding {
  const both = on.length > 1 ? ' at once' : ''
  const remedy =
    move === undefined
      ? 'look which of them is whole, end the other one, and let that one go on'
      : `headroom vm resolve ${vm.name} --keep ${move.toHostName} (or ${move.fromHostName}) lets one go on and ends the other`
  return finding({
    check: 'vm-halted-by-move',
    severity: 'critical',
    subject: vmSubject(vm),
    strength: strengthOf(snapshot, on, move),
    message: `it is halted on ${namedHosts(snapshot, on)}${both}, and runs nowhere${since(move)}: ${remedy}`,
    evidence: [{ entityKind: 'vm', entityId: vm.uuid, field: 'running', value: 0, limit: 1 }],
    related: hostPartners(snapshot, hostsOf(on, move)),
  })
}

function leftOver(snapshot: Snapshot, vm: Vm, on: readonly string[], move: UnsettledMove): Finding {
  const runsOn = snapshot.hosts.get(vm.hostId)?.name ?? vm.hostId
  return finding({
    check: 'vm-halted-by-move',
    severity: 'warning',
    subject: vmSubject(vm),
    strength: strengthOf(snapshot, on, move),
    message: `it runs on ${runsOn}, and a halted copy is left on ${namedHosts(snapshot, on)}${since(move)}: headroom vm resolve ${vm.name} --keep ${runsOn} ends that`,
    related: hostPartners(snapshot, hostsOf(on, move)),
  })
}

function since(move: UnsettledMove | undefined): string {
  return move === undefined
    ? ''
    : `, since its move from ${move.fromHostName} to ${move.toHostName} (command ${move.number})`
}

function hostsOf(on: readonly string[], move: UnsettledMove | undefined): readonly string[] {
  return [...new Set([...on, ...(move === undefined ? [] : [move.fromHostId, move.toHostId])])]
}

function strengthOf({ hosts }: Snapshot, on: readonly string[], move: UnsettledMove | undefined): Finding['strength'] {
  return hostsOf(on, move).every((id) => hosts.get(id)?.status !== 'silent') ? 'raise' : 'keep'
}
