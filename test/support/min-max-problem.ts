import type { Problem, Way } from '../../controller/planner/problem.js'
import { seededChance } from './seeded-chance.js'

/** At most 5 hosts and 15 VMs, whose highest share of memory and of CPU is to be low: what an exact solver can say the best of. */
export function minMaxProblem(seed: number): Problem {
  const next = seededChance(seed, 'min-max')
  const below = (count: number): number => Math.floor(next() * count)
  const hosts = Array.from({ length: 2 + below(4) }, (_, at) => `host${at}`)
  const vms = Array.from({ length: 3 + below(13) }, (_, at) => `vm${at}`)
  const memory = Float64Array.from(vms, () => 1 + below(8))
  const cpu = Float64Array.from(vms, () => Math.round(next() * 40) / 10)
  const fair = memory.reduce((sum, one) => sum + one, 0) / hosts.length
  const capacity = Float64Array.from(hosts, () => Math.max(8, Math.ceil(fair * (1.05 + next()))))
  const cores = Float64Array.from(hosts, () => 4 * (1 + below(3)))
  const none = new Float64Array(hosts.length)
  const refused: Way = { rule: 'same-hypervisor', reason: 'another hypervisor' }
  const kinds = next() < 0.3 ? 2 : 1
  const hostKind = Int32Array.from(hosts, () => below(kinds))
  const start = Int32Array.from(vms, () => below(hosts.length))
  const apart = next() < 0.5 ? [...new Set([below(vms.length), below(vms.length)])] : []
  return {
    hosts,
    vms,
    start,
    counted: new Int32Array(hosts.length).fill(1),
    dimensions: [
      { name: 'memory', base: none, capacity, load: memory, spreadWeight: 0, peakWeight: 1 },
      { name: 'cpu', base: none, capacity: cores, load: cpu, spreadWeight: 0, peakWeight: 1 },
    ],
    limits: [{ rule: 'into-reserve', use: memory, most: capacity, overPenalty: 10, format: String }],
    apart: apart.length < 2 ? [] : [{ rule: 'apart-on-one-host', name: 'pair', vms: apart, penalty: 10 }],
    together: [],
    classes: undefined,
    survival: undefined,
    strandedPenalty: none,
    excepted: new Int32Array(vms.length),
    vmKind: Int32Array.from(start, (host) => hostKind[host] ?? 0),
    hostKind,
    ways: Array.from({ length: kinds }, (_, from) =>
      Array.from({ length: kinds }, (_unused, to): Way => (from === to ? { kind: 'live' } : refused)),
    ),
    moveCost: () => 0,
  }
}
