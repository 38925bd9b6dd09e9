import { indexAt } from '../number-at.js'
import type { RuleName } from '../rules.js'
import type { LiveProblem } from './live-problem.js'

/** A soft rule that is broken while VMs are where they are. */
export interface Broken {
  readonly rule: RuleName
  /** The same for the same matter. */
  readonly key: string
  readonly says: string
}

/** All soft rules that are broken with VMs on these hosts. */
export function brokenRules({ problem, movers }: LiveProblem, hostOf: Int32Array): Broken[] {
  const broken: Broken[] = []
  const name = (host: number): string => problem.hosts[host] ?? ''
  for (const { rule, use, most } of problem.limits) {
    const used = new Float64Array(problem.hosts.length)
    for (let vm = 0; vm < hostOf.length; vm += 1)
      used[indexAt(hostOf, vm)] = (used[indexAt(hostOf, vm)] ?? 0) + (use[vm] ?? 0)
    for (const [host, sum] of used.entries()) {
      if (sum > (most[host] ?? 0))
        broken.push({ rule, key: `${rule} ${host}`, says: `${name(host)} has more than it may take` })
    }
  }
  for (const { rule, name: set, vms } of problem.apart) {
    const seen = new Map<number, number>()
    for (const vm of vms) {
      const host = indexAt(hostOf, vm)
      const first = seen.get(host)
      if (first === undefined) seen.set(host, vm)
      else
        broken.push({
          rule,
          key: `${rule} ${set} ${vm}`,
          says: `${movers[vm]?.name ?? ''} and ${movers[first]?.name ?? ''} are on ${name(host)}`,
        })
    }
  }
  for (const [vm, mover] of movers.entries()) {
    const host = indexAt(hostOf, vm)
    const isStranded = (problem.strandedPenalty[host] ?? 0) > 0 && problem.excepted[vm] !== 1
    if (isStranded && mover.active && mover.hostId !== '')
      broken.push({ rule: 'reserve-host-empty', key: `reserve ${vm}`, says: `${mover.name} is on ${name(host)}` })
  }
  return [...broken, ...besideCore({ problem, movers }, hostOf)]
}

function besideCore({ problem, movers }: Pick<LiveProblem, 'problem' | 'movers'>, hostOf: Int32Array): Broken[] {
  const { classes } = problem
  if (classes === undefined) return []
  const core = new Set<number>()
  for (let vm = 0; vm < hostOf.length; vm += 1) if (classes.ofVm[vm] === 1) core.add(indexAt(hostOf, vm))
  return movers.flatMap(({ name }, vm): Broken[] => {
    const host = indexAt(hostOf, vm)
    return classes.ofVm[vm] === 2 && core.has(host) && (classes.penalty[vm] ?? 0) > 0
      ? [
          {
            rule: 'personal-beside-core',
            key: `beside ${vm}`,
            says: `${name} is beside core VMs on ${problem.hosts[host] ?? ''}`,
          },
        ]
      : []
  })
}
