import { patternTest } from '../../../common/pattern.js'
import type { FleetSpec } from '../../../common/fleet-file/fleet-spec.js'
import type { MoveRules } from '../../model/policy.js'
import type { Rest } from '../live/past-moves.js'
import { indexAt } from '../number-at.js'
import type { Step } from '../order-moves.js'
import type { Problem, Way } from '../problem.js'
import { rebalance } from '../rebalance.js'
import { leastGainOf, stepsWithinCaps } from '../within-caps.js'

/** How the planner acts by itself, as `moves` of the policy says; that each move were automatic, at any hour. */
export type SimulatedRules = Pick<
  MoveRules,
  'minGain' | 'holdRounds' | 'coolDownMs' | 'mostPerPlan' | 'mostPerHost' | 'mostPerArray' | 'pin'
>

/** Without limits: acts at every look on every gain. */
export const withoutLimits: SimulatedRules = {
  minGain: 0,
  holdRounds: 1,
  coolDownMs: 0,
  mostPerPlan: 1_000_000,
  mostPerHost: 1_000_000,
  mostPerArray: 1_000_000,
  pin: [],
}

/** Looks in a row that found the same first move, and that move. */
export interface Held {
  readonly count: number
  readonly move: string
}

export function heldAfter(before: Held, [first]: readonly Step[]): Held {
  if (first === undefined) return { count: 0, move: '' }
  const move = `${first.vm} ${first.to}`
  return { count: move === before.move ? before.count + 1 : 1, move }
}

/** The fleet at one look. */
export interface Moment {
  readonly hostOf: Int32Array
  /** CPUs that each host has, and that each VM is taken to ask for. */
  readonly threads: Float64Array
  readonly cores: Float64Array
  /** By name of a VM. */
  readonly resting: ReadonlyMap<string, Rest>
  /** Milliseconds, on the clock of `resting`. */
  readonly now: number
}

/**
 * The fleet as it is, with CPUs that are asked for in place of those that are configured, and with the ways that automation has: live ones, of VMs that run, are not pinned and have
 * rested. Who has rested does not go straight back where it came from within a day.
 */
export function problemAt(
  spec: FleetSpec,
  base: Problem,
  { pin, coolDownMs }: SimulatedRules,
  moment: Moment,
): Problem {
  const { hostOf, threads, cores, resting, now } = moment
  const memory = base.dimensions.filter(({ name }) => name === 'memory')
  const none = new Float64Array(base.hosts.length)
  const byHost = (ways: readonly Way[]): Way[] =>
    base.hosts.map((_, host) => ways[indexAt(base.hostKind, host)] ?? closed.kind)
  const ways: Way[][] = base.ways.map((row) => byHost(row).map(liveAlone))
  const isPinned = pin.map(patternTest)
  const vmKind = Int32Array.from(base.vmKind, (kind, vm) => {
    const { name = '', running = false } = spec.vms[vm] ?? {}
    const rest = coolDownMs > 0 ? resting.get(name) : undefined
    const shut = isPinned.some((test) => test(name))
      ? closed.pinned
      : !running
        ? closed.off
        : rest !== undefined && rest.until > now
          ? closed.resting
          : undefined
    if (shut === undefined && rest?.cameFrom === undefined) return kind
    const open = ways[kind] ?? []
    return ways.push(open.map((way, host) => shut ?? (base.hosts[host] === rest?.cameFrom ? closed.back : way))) - 1
  })
  return {
    ...base,
    start: Int32Array.from(hostOf),
    dimensions: [
      ...memory.map((one) => ({ ...one, spreadWeight: 0.2, peakWeight: 0.2 })),
      { name: 'CPU', base: none, capacity: threads, load: cores, spreadWeight: 1, peakWeight: 1 },
    ],
    vmKind,
    hostKind: Int32Array.from(base.hosts.keys()),
    ways,
  }
}

const closed = {
  kind: { rule: 'host-up', reason: 'no way there is known' },
  cold: { rule: 'storage-reach', reason: 'its disks would be copied while it is off' },
  pinned: { rule: 'pinned', reason: 'the policy pins it (moves.pin)' },
  off: { rule: 'vm-state', reason: 'it does not run' },
  resting: { rule: 'cool-down', reason: 'it moved lately' },
  back: { rule: 'straight-back', reason: 'it came from there within a day' },
} as const satisfies Record<string, Way>

function liveAlone(way: Way): Way {
  return 'kind' in way && way.kind !== 'live' ? closed.cold : way
}

/** What is planned at one look, within the caps of the policy; nothing where what they leave gains too little. */
export function planAt(
  spec: FleetSpec,
  problem: Problem,
  rules: SimulatedRules,
  options: { readonly seed: number; readonly effort: number },
): readonly Step[] {
  const leastGain = leastGainOf(problem, rules.minGain)
  const { steps } = rebalance(problem, { ...options, mostMoves: rules.mostPerPlan, leastGain })
  return stepsWithinCaps(problem, steps, { ...rules, leastGain }, (vm) => [spec.vms[vm]?.storage ?? '']).steps
}
