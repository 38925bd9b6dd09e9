import { formatBytes, formatDuration } from '../../../common/units.js'
import { named } from '../../checks/in-words.js'
import { evacuate } from '../evacuate.js'
import { indexAt } from '../number-at.js'
import { Placement } from '../placement.js'
import type { RuleName } from '../rules.js'
import { rules } from '../rules.js'
import { allKinds, type FleetFacts, type PlanScope } from './facts.js'
import { liveProblem, type LiveProblem } from './live-problem.js'
import { moveTimes, type TimeSpan } from './move-cost.js'
import type { Refusal } from '../problem.js'

/** What to do when a host fails. */
export interface FailureCard {
  readonly host: string
  readonly at: number
  readonly says: string
  readonly restarts: readonly { readonly vm: string; readonly to: string; readonly memoryBytes: number }[]
  /** They reach no disk elsewhere: lost until their disks, or backups of them, are copied. */
  readonly lost: readonly {
    readonly vm: string
    readonly memoryBytes: number
    readonly diskBytes: number
    readonly copy: TimeSpan
  }[]
  /** Their disks are reached, and no host may take them. */
  readonly stranded: readonly {
    readonly vm: string
    readonly memoryBytes: number
    readonly why: readonly (Refusal & { readonly host: string })[]
  }[]
  /** One copy after the other. */
  readonly copyAll: TimeSpan
  /** Rules that only then give way, so that more start. */
  readonly bends: readonly { readonly rule: string; readonly what: string }[]
}

/** In an emergency these give way, one after the other, until all that can has a place. */
const bending: readonly RuleName[] = ['host-role', 'personal-beside-core', 'vcpu-overcommit']
const always: readonly RuleName[] = ['host-failure', 'cool-down', 'straight-back', 'pinned']

/** Who of a host starts where if it fails, who is lost with it, and how long it takes to copy them back. */
export function failureCard(facts: FleetFacts, hostId: string): FailureCard {
  let found = attempt(facts, hostId, [])
  const bent: RuleName[] = []
  for (const rule of bending) {
    if (found.stranded.length === 0) break
    const next = attempt(facts, hostId, [...bent, rule])
    if (next.stranded.length >= found.stranded.length) continue
    bent.push(rule)
    found = next
  }
  const { live, at, steps, stranded } = found
  const { movers, problem } = live
  const lost = movers.flatMap((mover) =>
    isLost(mover, hostId)
      ? [
          {
            vm: mover.name,
            memoryBytes: mover.sizes.memoryBytes,
            diskBytes: mover.sizes.diskBytes,
            copy: moveTimes('cold-copy', mover.sizes, undefined).duration,
          },
        ]
      : [],
  )
  const copyAll = {
    leastMs: lost.reduce((sum, { copy }) => sum + copy.leastMs, 0),
    mostMs: lost.reduce((sum, { copy }) => sum + copy.mostMs, 0),
  }
  const end = Int32Array.from(problem.start)
  for (const { vm, to } of steps) end[vm] = to
  const placement = new Placement({ ...problem, start: end })
  const host = problem.hosts[at] ?? hostId
  const off = movers.filter((mover) => mover.hostId === hostId && !mover.active).map(({ name }) => name)
  return {
    host,
    at: facts.snapshot.at,
    says: [saysOf(host, steps.length, lost, stranded.length, copyAll), ...offText(off)].join('; '),
    restarts: steps.map(({ vm, to }) => ({
      vm: movers[vm]?.name ?? '',
      to: problem.hosts[to] ?? '',
      memoryBytes: movers[vm]?.sizes.memoryBytes ?? 0,
    })),
    lost,
    stranded: stranded.map((vm) => ({
      vm: movers[vm]?.name ?? '',
      memoryBytes: movers[vm]?.sizes.memoryBytes ?? 0,
      why: [...problem.hosts.keys()].flatMap((other) => {
        const [refusal] = other === indexAt(end, vm) ? [] : placement.refusals(vm, other)
        return refusal === undefined ? [] : [{ host: problem.hosts[other] ?? '', ...refusal }]
      }),
    })),
    copyAll,
    bends: bent.map((rule) => ({ rule, what: rules[rule].what })),
  }
}

interface Attempt {
  readonly live: LiveProblem
  readonly at: number
  readonly steps: readonly { readonly vm: number; readonly to: number }[]
  /** VMs whose disks are reached, without a place. */
  readonly stranded: readonly number[]
}

function attempt(facts: FleetFacts, hostId: string, bent: readonly RuleName[]): Attempt {
  const scope: PlanScope = {
    kinds: new Set([...allKinds].filter((kind) => kind !== 'cold-copy')),
    leaving: hostId,
    hasFailed: true,
    mayUseReserve: true,
    ignored: new Set([...always, ...bent]),
  }
  const live = liveProblem(facts, scope)
  const at = live.hosts.findIndex((host) => host?.id === hostId)
  const { steps, left } = evacuate(live.problem, at, { seed: 1, tries: 20_000 })
  return {
    live,
    at,
    steps,
    stranded: left.filter((vm) => {
      const mover = live.movers[vm]
      return mover !== undefined && !isLost(mover, hostId)
    }),
  }
}

function isLost({ hostId: on, active, reach }: LiveProblem['movers'][number], hostId: string): boolean {
  return on === hostId && active && reach.some(({ local }) => local)
}

/** They were off before: nobody waits for them, but their definitions are on that host alone. */
function offText(off: readonly string[]): string[] {
  return off.length === 0
    ? []
    : [`${named(off)}, which ${off.length === 1 ? 'is' : 'are'} off, ${off.length === 1 ? 'is' : 'are'} on it too`]
}

function saysOf(
  host: string,
  restarts: number,
  lost: FailureCard['lost'],
  stranded: number,
  copyAll: TimeSpan,
): string {
  const parts = [`${restarts} start${restarts === 1 ? 's' : ''} elsewhere`]
  if (stranded > 0) parts.push(`${stranded} find${stranded === 1 ? 's' : ''} no place`)
  if (lost.length > 0) {
    const bytes = lost.reduce((sum, { diskBytes }) => sum + diskBytes, 0)
    parts.push(
      `${lost.length} ${lost.length === 1 ? 'is' : 'are'} lost with it until ${formatBytes(bytes)} are copied back: ${formatDuration(copyAll.leastMs)} to ${formatDuration(copyAll.mostMs)}`,
    )
  }
  return `if ${host} fails: ${parts.join('; ')}`
}
