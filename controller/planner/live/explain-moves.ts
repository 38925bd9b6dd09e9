import { formatMemory } from '../../../common/units.js'
import { indexAt } from '../number-at.js'
import type { Step } from '../order-moves.js'
import { Placement } from '../placement.js'
import type { MoveKind } from '../problem.js'
import { beforeAfter, hostFill } from './host-fill.js'
import type { LiveProblem } from './live-problem.js'
import { moveTimes } from './move-cost.js'
import type { HostFill, PlannedMove } from './plan.js'
import { brokenRules, type Broken } from './broken-rules.js'

/** The steps of a plan with all that a person wants to know before saying yes. */
export function explainMoves(live: LiveProblem, steps: readonly Step[]): PlannedMove[] {
  const { problem } = live
  const placement = new Placement(problem)
  return steps.map((step) => {
    const before = Int32Array.from(placement.hostOf)
    const runnerUp = runnerUpOf(live, placement, step)
    const brokenBefore = brokenRules(live, before)
    const scoreBefore = placement.score
    const kind = placement.kind(step.vm, step.to) ?? 'live'
    placement.move(step.vm, step.to)
    const gain = scoreBefore - placement.score
    const mended = lessOf(brokenBefore, brokenRules(live, placement.hostOf))
    return moveOf(live, step, kind, before, Int32Array.from(placement.hostOf), { gain, mended, runnerUp })
  })
}

function moveOf(
  live: LiveProblem,
  { vm, from, to }: Step,
  kind: MoveKind,
  before: Int32Array,
  after: Int32Array,
  told: { readonly gain: number; readonly mended: readonly Broken[]; readonly runnerUp: PlannedMove['runnerUp'] },
): PlannedMove {
  const { problem, movers, hosts, sendRate } = live
  const mover = movers[vm]
  if (mover === undefined) throw new Error(`a plan moves VM ${vm}, which is not there`)
  const source = beforeAfter(live, before, after, from)
  const target = beforeAfter(live, before, after, to)
  const { by, note } = doneBy(kind, mover.kind, mover.name)
  return {
    vmUuid: mover.uuid,
    vm: mover.name,
    fromHostId: hosts[from]?.id ?? '',
    from: problem.hosts[from] ?? '',
    toHostId: hosts[to]?.id ?? '',
    to: problem.hosts[to] ?? '',
    kind,
    by,
    note,
    reason: reasonOf(live, told.mended, source.before, source.after, target.after),
    gain: told.gain,
    cost: problem.moveCost(vm, kind),
    times: moveTimes(kind, mover.sizes, sendRate),
    memoryBytes: mover.sizes.memoryBytes,
    diskBytes: kind === 'live' ? 0 : mover.sizes.diskBytes,
    source,
    target,
    runnerUp: told.runnerUp,
  }
}

function doneBy(kind: MoveKind, hypervisor: string | undefined, vm: string): Pick<PlannedMove, 'by' | 'note'> {
  if (kind === 'cold-copy')
    return { by: 'person', note: `shut ${vm} down, copy its disks to the other host, define and start it there` }
  if (kind === 'cold-restart') return { by: 'person', note: `shut ${vm} down, define and start it on the other host` }
  if (kind === 'live' && hypervisor === 'kvm') return { by: 'command', note: '' }
  return { by: 'person', note: `only KVM is migrated by command; with Xen by hand: xm migrate --live ${vm}` }
}

function reasonOf(
  { scope, hosts }: LiveProblem,
  mended: readonly Broken[],
  before: HostFill,
  after: HostFill,
  target: HostFill,
): string {
  const [first] = mended
  const leavingName = hosts.find((host) => host !== undefined && host.id === scope.leaving)?.name
  if (scope.leaving !== undefined || scope.newVm !== undefined) {
    const isLeaving = before.host === leavingName
    if (scope.newVm !== undefined && before.memoryMostBytes === 0) return 'the best place for it'
    if (isLeaving) return `${before.host} is to be empty`
    return `makes room on ${before.host}`
  }
  if (first !== undefined) return `mends ${first.rule}: ${first.says}`
  const cpu =
    before.cores !== undefined && before.coresMost !== undefined && target.coresMost !== undefined
      ? `CPU of its busiest hours ${percent(before.cores, before.coresMost)} to ${percent(after.cores, before.coresMost)} there, ${percent(target.cores, target.coresMost)} on ${target.host}`
      : undefined
  const memory = `${formatMemory(before.memoryBytes)} to ${formatMemory(after.memoryBytes)} of memory there, ${formatMemory(target.memoryBytes)} on ${target.host}`
  return `evens ${before.host} out: ${[cpu, memory].filter((one) => one !== undefined).join('; ')}`
}

function percent(part: number | undefined, whole: number): string {
  return `${Math.round((100 * (part ?? 0)) / whole)}%`
}

/** What is broken before and not after. */
function lessOf(before: readonly Broken[], after: readonly Broken[]): Broken[] {
  const still = new Set(after.map(({ key }) => key))
  return before.filter(({ key }) => !still.has(key))
}

function runnerUpOf({ problem }: LiveProblem, placement: Placement, { vm, to }: Step): PlannedMove['runnerUp'] {
  const from = indexAt(placement.hostOf, vm)
  const chosen = placement.delta(vm, to)
  let best: { host: string; worseBy: number } | undefined
  let none: string | undefined
  for (const [host, name] of problem.hosts.entries()) {
    if (host === from || host === to) continue
    if (placement.allows(vm, host)) {
      const worseBy = placement.delta(vm, host) - chosen
      if (best === undefined || worseBy < best.worseBy) best = { host: name, worseBy }
    } else if (none === undefined) {
      const [refusal] = placement.refusals(vm, host)
      none = refusal && `${name}: ${refusal.reason} (${refusal.rule})`
    }
  }
  return best ?? { none: none ?? 'there is no other host' }
}

/** Of every host, in their order. */
export function fillsOf(
  live: LiveProblem,
  before: Int32Array,
  after: Int32Array,
): { before: HostFill; after: HostFill }[] {
  return live.hosts.flatMap((host, at) =>
    host === undefined ? [] : [{ before: hostFill(live, before, at), after: hostFill(live, after, at) }],
  )
}
