import type { Step } from '../../controller/planner/order-moves.js'
import type { Problem } from '../../controller/planner/problem.js'

/** Follows a plan step by step and judges it by counting anew each time: nothing of the planner's own bookkeeping. */
export function brokenRules(problem: Problem, steps: readonly Step[]): string[] {
  const hostOf = Array.from(problem.start)
  const broken: string[] = []
  for (const [number, { vm, from, to }] of steps.entries()) {
    const tell = (what: string): number => broken.push(`step ${number + 1}, ${problem.vms[vm] ?? ''}: ${what}`)
    if (hostOf[vm] !== from || from === to) tell('it is not where the step says')
    // One that is empty has nothing to lose.
    const safe = safeHosts(problem, hostOf).filter((host) =>
      hostOf.some((on, one) => on === host && (problem.survival?.use[one] ?? 0) > 0),
    )
    hostOf[vm] = to
    const still = safeHosts(problem, hostOf)
    if (safe.some((host) => !still.includes(host))) tell('host-failure')
    const way = problem.ways[problem.vmKind[vm] ?? 0]?.[problem.hostKind[to] ?? 0]
    if (way === undefined || !('kind' in way)) tell('there is no way')
    for (const { rule, use, most } of problem.limits) {
      const used = use.reduce((sum, one, other) => sum + (hostOf[other] === to ? one : 0), 0)
      if ((use[vm] ?? 0) > 0 && used > (most[to] ?? 0)) tell(rule)
    }
    for (const { name, vms } of problem.apart) {
      if (vms.includes(vm) && vms.some((other) => other !== vm && hostOf[other] === to)) tell(name)
    }
    const { ofVm } = problem.classes ?? {}
    if (ofVm !== undefined) {
      const other = ofVm[vm] === 1 ? 2 : ofVm[vm] === 2 ? 1 : undefined
      if (hostOf.some((host, one) => host === to && other !== undefined && ofVm[one] === other)) tell('classes')
    }
  }
  return broken
}

/** Hosts whose VMs find a place if they fail: the largest first, each into the smallest space that takes it. */
function safeHosts({ hosts, survival }: Problem, hostOf: readonly number[]): number[] {
  if (survival === undefined) return []
  const { use, most, group } = survival
  const sizes = (host: number): number[] =>
    Array.from(use)
      .filter((bytes, vm) => hostOf[vm] === host && bytes > 0)
      .sort((a, b) => b - a)
  const spare = (host: number): number => (most[host] ?? 0) - sizes(host).reduce((sum, bytes) => sum + bytes, 0)
  return [...hosts.keys()].filter((failed) => {
    const free = [...hosts.keys()]
      .filter((host) => host !== failed && group[host] !== -1 && group[host] === group[failed])
      .map(spare)
    return sizes(failed).every((bytes) => {
      const fits = free.filter((space) => space >= bytes)
      const best = Math.min(...fits)
      if (fits.length > 0) free[free.indexOf(best)] = best - bytes
      return fits.length > 0
    })
  })
}

/** Score by the book: standard deviations, peaks and penalties counted anew. */
export function scoreByHand(problem: Problem, hostOf: ArrayLike<number>): number {
  const on = (host: number): number[] => problem.vms.map((_, vm) => vm).filter((vm) => hostOf[vm] === host)
  const hosts = [...problem.hosts.keys()]
  let score = 0
  for (const { base, capacity, load, spreadWeight, peakWeight } of problem.dimensions) {
    const shares = hosts
      .filter((host) => problem.counted[host] === 1)
      .map(
        (host) => ((base[host] ?? 0) + on(host).reduce((sum, vm) => sum + (load[vm] ?? 0), 0)) / (capacity[host] ?? 1),
      )
    if (shares.length === 0) continue
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length
    const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length
    score += spreadWeight * Math.sqrt(variance) + peakWeight * Math.max(...shares)
  }
  for (const host of hosts) {
    const vms = on(host)
    for (const { use, most, overPenalty } of problem.limits) {
      const over = vms.reduce((sum, vm) => sum + (use[vm] ?? 0), 0) - (most[host] ?? 0)
      if (over > 0) score += overPenalty * (1 + over / Math.max(1, most[host] ?? 0))
    }
    for (const { vms: members, penalty } of problem.apart) {
      score += penalty * Math.max(0, members.filter((vm) => hostOf[vm] === host).length - 1)
    }
    const { ofVm, penalty } = problem.classes ?? {}
    if (ofVm !== undefined && vms.some((vm) => ofVm[vm] === 1)) {
      for (const vm of vms) if (ofVm[vm] === 2) score += penalty?.[vm] ?? 0
    }
    for (const vm of vms) if (problem.excepted[vm] === 0) score += problem.strandedPenalty[host] ?? 0
  }
  for (const { vms, penalty } of problem.together) score += penalty * (new Set(vms.map((vm) => hostOf[vm])).size - 1)
  return score
}
