import { indexAt } from '../number-at.js'
import { Placement } from '../placement.js'
import type { LiveProblem } from './live-problem.js'
import type { Cannot } from './plan.js'

/** VMs that are told of at most: a large fleet has many that would help a little. */
const mostTold = 50

/** Why these VMs, where they are in the end, can go to no other host. Those that could are left out. */
export function cannotOf(live: LiveProblem, hostOf: Int32Array, vms: readonly number[]): Cannot[] {
  const { problem, hosts, movers } = live
  const placement = new Placement({ ...problem, start: hostOf })
  const all: Cannot[] = []
  for (const vm of vms) {
    if (all.length >= mostTold) break
    const from = indexAt(hostOf, vm)
    const others = [...problem.hosts.keys()].filter((host) => host !== from && hosts[host] !== undefined)
    if (others.some((host) => placement.allows(vm, host))) continue
    const why = others.flatMap((host) => {
      const [refusal] = placement.refusals(vm, host)
      return refusal === undefined ? [] : [{ host: problem.hosts[host] ?? '', ...refusal }]
    })
    all.push({ vm: movers[vm]?.name ?? '', on: problem.hosts[from] ?? '', why })
  }
  return all
}

/** VMs whose move could mend what is broken with VMs on these hosts: those of hosts above a limit, in reserve or beside what they are to be apart from. */
export function wouldHelp({ problem, movers }: LiveProblem, hostOf: Int32Array): number[] {
  const over = new Set<number>()
  for (const { use, most } of problem.limits) {
    const used = new Map<number, number>()
    for (let vm = 0; vm < hostOf.length; vm += 1) {
      const host = indexAt(hostOf, vm)
      used.set(host, (used.get(host) ?? 0) + (use[vm] ?? 0))
    }
    for (const [host, sum] of used) if (sum > (most[host] ?? 0)) over.add(host)
  }
  const core = new Set<number>()
  const ofVm = problem.classes?.ofVm
  for (let vm = 0; vm < hostOf.length; vm += 1) if (ofVm?.[vm] === 1) core.add(indexAt(hostOf, vm))
  const together = new Set(
    problem.apart.flatMap(({ vms }) =>
      vms.filter((vm) => vms.some((other) => other !== vm && indexAt(hostOf, other) === indexAt(hostOf, vm))),
    ),
  )
  return [...movers.keys()].filter((vm) => {
    const host = indexAt(hostOf, vm)
    if (movers[vm]?.active !== true) return false
    const isStranded = (problem.strandedPenalty[host] ?? 0) > 0 && problem.excepted[vm] !== 1
    return over.has(host) || (ofVm?.[vm] === 2 && core.has(host)) || together.has(vm) || isStranded
  })
}
