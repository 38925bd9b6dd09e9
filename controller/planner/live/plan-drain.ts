import { formatBytes, formatDuration, formatMemory } from '../../../common/units.js'
import { named } from '../../checks/in-words.js'
import { evacuate } from '../evacuate.js'
import { indexAt } from '../number-at.js'
import { orderAsFar, type Step } from '../order-moves.js'
import { Placement } from '../placement.js'
import type { MoveKind } from '../problem.js'
import { rules, type RuleName } from '../rules.js'
import { smallestConflict } from '../smallest-conflict.js'
import { allKinds, liveKinds, type FleetFacts, type NewVm, type PlanScope } from './facts.js'
import { liveProblem, type LiveProblem } from './live-problem.js'
import { moveTimes } from './move-cost.js'
import { planOf } from './plan-rebalance.js'
import type { Plan } from './plan.js'
import { cannotOf } from './refused.js'

const tries = 20_000
const fewTries = 3000
const seed = 1

/**
 * Rules that may be in the way, those first whose part is least worth telling. What no person can lift (where disks are, which hypervisor a host
 * has, that a VM is off) is told first.
 */
const lifted: readonly RuleName[] = [
  'straight-back',
  'cool-down',
  'host-role',
  'vcpu-overcommit',
  'service-on-one-host',
  'apart-on-one-host',
  'personal-beside-core',
  'host-failure',
  'reserve-host-empty',
  'maintenance',
  'pinned',
  'same-hypervisor',
  'into-reserve',
  'storage-reach',
]

/** Moves that empty a host. Hosts in reserve may take VMs; VMs with local disks are copied by a person, and how long that takes is told. */
export function planDrain(facts: FleetFacts, hostId: string): Plan {
  const scope: PlanScope = { kinds: allKinds, leaving: hostId, mayUseReserve: true, ignored: new Set(['host-failure']) }
  const live = liveProblem(facts, scope)
  const at = live.hosts.findIndex((host) => host?.id === hostId)
  const { steps, left } = evacuate(live.problem, at, { seed, tries })
  const name = live.hosts[at]?.name ?? hostId
  const end = endOf(live, steps)
  const plan = planOf(live, steps, {
    kind: 'drain',
    subject: name,
    complete: left.length === 0,
    capped: false,
    says: '',
    cannot: cannotOf(live, end, left),
    copies: copiesOf(live, steps, left),
    conflict: left.length === 0 ? [] : conflictOf(facts, scope, (other) => isEmptied(other, at)),
  })
  const off = live.movers.filter((mover) => mover.hostId === hostId && !mover.active).map(({ name: vm }) => vm)
  return { ...plan, says: [saysOf(plan, name, left.length), ...stayText(off)].join('; ') }
}

/** VMs that have to be off while their disks are copied: those that the plan moves so, to make room too, and those left for whom it would be the only
 * way; VMs of the host first. */
function copiesOf({ problem, movers, sendRate, scope }: LiveProblem, steps: readonly Step[], left: readonly number[]) {
  const placement = new Placement(problem)
  const ways = (vm: number): (MoveKind | undefined)[] =>
    [...problem.hosts.keys()].filter((host) => host !== problem.start[vm]).map((host) => placement.kind(vm, host))
  const isTied = (vm: number): boolean => {
    const kinds = new Set(ways(vm))
    const isLocal = movers[vm]?.reach.some(({ local }) => local) === true
    return isLocal || (kinds.has('cold-copy') && !kinds.has('live') && !kinds.has('cold-restart'))
  }
  const copied = steps.filter(({ vm, to }) => placement.kind(vm, to) === 'cold-copy').map(({ vm }) => vm)
  const vms = new Set([...copied, ...left.filter(isTied)])
  const isOther = (vm: number): number => (movers[vm]?.hostId === scope.leaving ? 0 : 1)
  return [...vms]
    .toSorted((a, b) => isOther(a) - isOther(b) || a - b)
    .flatMap((vm) => {
      const mover = movers[vm]
      if (mover === undefined) return []
      const { name, sizes } = mover
      return [{ vm: name, diskBytes: sizes.diskBytes, duration: moveTimes('cold-copy', sizes, sendRate).duration }]
    })
}

function stayText(off: readonly string[]): string[] {
  return off.length === 0 ? [] : [`${named(off)} ${off.length === 1 ? 'is off and stays' : 'are off and stay'}`]
}

function saysOf({ moves, copies, cannot }: Plan, name: string, left: number): string {
  if (left === 0 && moves.length === 0) return `${name} has nothing to move`
  const parts: string[] = []
  if (left > 0) {
    const which = cannot.length === 0 ? '' : ` (${cannot.map(({ vm }) => vm).join(', ')})`
    parts.push(`it cannot be emptied: there is no place for ${left} of its VMs${which}`)
  }
  const running = moves.filter(({ kind, from }) => kind === 'live' && from === name).length
  if (running > 0) parts.push(`${running} can move while they run`)
  const restarts = moves.filter(({ kind }) => kind === 'cold-restart').length
  if (restarts > 0) parts.push(`${restarts} have to be started anew`)
  if (copies.length > 0) parts.push(copyText(copies))
  return `${name}: ${parts.join('; ')}`
}

function copyText(copies: Plan['copies']): string {
  const sum = (of: 'leastMs' | 'mostMs'): number => copies.reduce((all, { duration }) => all + duration[of], 0)
  const bytes = copies.reduce((all, { diskBytes }) => all + diskBytes, 0)
  const names = named(copies.map(({ vm }) => vm))
  return `${names} ${copies.length === 1 ? 'has' : 'have'} to be off and copied: ${formatBytes(bytes)}, ${formatDuration(sum('leastMs'))} to ${formatDuration(sum('mostMs'))} one after the other`
}

function endOf({ problem }: LiveProblem, steps: readonly { readonly vm: number; readonly to: number }[]): Int32Array {
  const end = Int32Array.from(problem.start)
  for (const { vm, to } of steps) end[vm] = to
  return end
}

function isEmptied({ problem }: LiveProblem, at: number): boolean {
  return evacuate(problem, at, { seed, tries: fewTries, rounds: 1 }).left.length === 0
}

function conflictOf(facts: FleetFacts, scope: PlanScope, isPossible: (live: LiveProblem) => boolean): Plan['conflict'] {
  const conflict = smallestConflict(lifted, (ignored) =>
    isPossible(liveProblem(facts, { ...scope, ignored: new Set([...(scope.ignored ?? []), ...ignored]) })),
  )
  return (conflict ?? []).map((rule) => ({ rule, what: rules[rule].what }))
}

/** Where a new VM should go; others may move to make room for it. */
export function planPlace(facts: FleetFacts, newVm: NewVm): Plan {
  const scope: PlanScope = { kinds: liveKinds, newVm }
  const live = liveProblem(facts, scope)
  const at = live.hosts.length - 1
  const { steps, left } = evacuate(live.problem, at, { seed, tries })
  const isPlaced = left.length === 0
  const plan = planOf(live, steps, {
    kind: 'place',
    subject: newVm.name,
    complete: isPlaced,
    capped: false,
    says: '',
    cannot: cannotOf(live, endOf(live, steps), left),
    conflict: isPlaced ? [] : conflictOf(facts, scope, (other) => isEmptied(other, at)),
  })
  const goal = plan.moves.find(({ vmUuid }) => vmUuid === '')
  const before = plan.moves.length - 1
  const room = before > 0 ? `, once ${before} other${before === 1 ? ' has' : 's have'} moved` : ''
  const says = goal === undefined ? 'no host may take it' : `${goal.to}${room}`
  return { ...plan, moves: goal === undefined ? [] : plan.moves, says: `${formatMemory(newVm.memoryBytes)}: ${says}` }
}

/** Back to a host those that left it by moves of the last week, where that is still allowed. The host is planned as if it took VMs again. */
export function planReturn(facts: FleetFacts, hostId: string): Plan {
  const maintenance = new Map([...facts.maintenance].filter(([id]) => id !== hostId))
  const ignored = new Set<RuleName>(['straight-back', 'cool-down', 'host-failure'])
  const live = liveProblem({ ...facts, maintenance }, { kinds: liveKinds, ignored })
  const { problem, movers } = live
  const at = live.hosts.findIndex((host) => host?.id === hostId)
  const name = live.hosts[at]?.name ?? hostId
  const goal = Int32Array.from(problem.start)
  const wanted: number[] = []
  for (const [vm, { uuid, hostId: on }] of movers.entries()) {
    const last = facts.past
      .filter((move) => move.vmUuid === uuid && facts.now - move.endedAt < weekMs)
      .toSorted((a, b) => b.endedAt - a.endedAt)
      .find(({ fromHostId }) => fromHostId === hostId)
    if (last === undefined || on === hostId) continue
    wanted.push(vm)
    if (problem.strandedPenalty[at] === 0) goal[vm] = at
  }
  // As many as have room: each that has is sent, the smallest first.
  const placement = new Placement(problem)
  for (const vm of wanted.toSorted(
    (a, b) => (movers[a]?.sizes.memoryBytes ?? 0) - (movers[b]?.sizes.memoryBytes ?? 0),
  )) {
    if (indexAt(goal, vm) !== at) continue
    if (placement.allows(vm, at)) placement.move(vm, at)
    else goal[vm] = indexAt(problem.start, vm)
  }
  const { steps } = orderAsFar(problem, goal)
  const end = endOf(live, steps)
  const left = wanted.filter((vm) => indexAt(end, vm) !== at)
  const says =
    wanted.length === 0
      ? `no VM left ${name} by a move of the last week`
      : left.length === 0
        ? `${wanted.length} VM${wanted.length === 1 ? '' : 's'} back to ${name}`
        : `${wanted.length - left.length} of ${wanted.length} VMs back to ${name}`
  return planOf(live, steps, {
    kind: 'return',
    subject: name,
    complete: left.length === 0,
    capped: false,
    says,
    cannot: left.map((vm) => {
      const refusals = new Placement({ ...problem, start: end }).refusals(vm, at)
      const on = problem.hosts[indexAt(end, vm)] ?? ''
      return { vm: movers[vm]?.name ?? '', on, why: refusals.map((one) => ({ ...one, host: name })) }
    }),
  })
}

const weekMs = 7 * 86_400_000
