import { occupiesMemory } from '../../model/snapshot.js'
import { Placement } from '../placement.js'
import type { MoveKind, Refusal } from '../problem.js'
import type { RuleName } from '../rules.js'
import { allKinds, type FleetFacts } from './facts.js'
import { liveProblem } from './live-problem.js'
import type { Plan } from './plan.js'

/** Rests count when a plan is made: one that goes by a third host moves a VM twice. */
const always: readonly RuleName[] = ['cool-down', 'straight-back']

/**
 * Every rule that keeps a VM from a host in the fleet as it is now; the same that the plan of that kind was made by. A VM that has to be off for the
 * move may be off.
 */
export function moveRefusals(facts: FleetFacts, vmUuid: string, toHostId: string, kind: Plan['kind']): Refusal[] {
  const vm = facts.snapshot.vms.get(vmUuid)
  const { refusals } = looked(facts, vmUuid, toHostId, kind)
  if (vm === undefined || occupiesMemory(vm.state)) return refusals
  // Who shut it down before its turn did what the move asks for: it is judged as what it will be there.
  const running = { ...facts.snapshot, vms: new Map(facts.snapshot.vms).set(vmUuid, { ...vm, state: 'running' }) }
  const asRunning = looked({ ...facts, snapshot: running }, vmUuid, toHostId, kind)
  return asRunning.kind === undefined || asRunning.kind === 'live' ? refusals : asRunning.refusals
}

function looked(
  facts: FleetFacts,
  vmUuid: string,
  toHostId: string,
  kind: Plan['kind'],
): { readonly kind: MoveKind | undefined; readonly refusals: Refusal[] } {
  const isEvacuation = kind === 'drain' || kind === 'return'
  const { problem, movers, hosts } = liveProblem(facts, {
    kinds: allKinds,
    mayUseReserve: isEvacuation,
    ignored: new Set([...always, ...(isEvacuation ? (['host-failure'] as const) : [])]),
  })
  const vm = movers.findIndex(({ uuid }) => uuid === vmUuid)
  const to = hosts.findIndex((host) => host?.id === toHostId)
  if (vm === -1) return { kind: undefined, refusals: [{ rule: 'vm-state', reason: 'the VM is gone' }] }
  if (to === -1) return { kind: undefined, refusals: [{ rule: 'host-up', reason: 'the host is gone' }] }
  const placement = new Placement(problem)
  return { kind: placement.kind(vm, to), refusals: placement.refusals(vm, to) }
}
