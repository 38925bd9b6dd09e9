import { Placement } from '../placement.js'
import type { Refusal } from '../problem.js'
import type { RuleName } from '../rules.js'
import { allKinds, type FleetFacts } from './facts.js'
import { liveProblem } from './live-problem.js'
import type { Plan } from './plan.js'

/** Rests count when a plan is made: one that goes by a third host moves a VM twice. */
const always: readonly RuleName[] = ['cool-down', 'straight-back']

/** Every rule that keeps a VM from a host in the fleet as it is now; the same that the plan of that kind was made by. */
export function moveRefusals(facts: FleetFacts, vmUuid: string, toHostId: string, kind: Plan['kind']): Refusal[] {
  const isEvacuation = kind === 'drain' || kind === 'return'
  const { problem, movers, hosts } = liveProblem(facts, {
    kinds: allKinds,
    mayUseReserve: isEvacuation,
    ignored: new Set([...always, ...(isEvacuation ? (['host-failure'] as const) : [])]),
  })
  const vm = movers.findIndex(({ uuid }) => uuid === vmUuid)
  const to = hosts.findIndex((host) => host?.id === toHostId)
  if (vm === -1) return [{ rule: 'vm-state', reason: 'the VM is gone' }]
  if (to === -1) return [{ rule: 'host-up', reason: 'the host is gone' }]
  return new Placement(problem).refusals(vm, to)
}
