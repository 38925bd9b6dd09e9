import type { Problem, Way } from '../../controller/planner/problem.js'
import { seededChance } from './seeded-chance.js'

/** Fleets with every rule that plans know, drawn at random: some hosts too full, some VMs where rules would not have them. */

export function randomProblem(seed: number): Problem {
  const next = seededChance(seed, 'problem')
  const below = (count: number): number => Math.floor(next() * count)
  const hosts = Array.from({ length: 2 + below(6) }, (_, at) => `host${at}`)
  const vms = Array.from({ length: 1 + below(24) }, (_, at) => `vm${at}`)
  const memory = Float64Array.from(vms, () => 512 * 2 ** below(4))
  const capacity = Float64Array.from(hosts, () => 4096 * (1 + below(4)))
  const cores = Float64Array.from(hosts, () => 4 * (1 + below(3)))
  const cpu = Float64Array.from(vms, () => next() * 2)
  const kinds = 1 + below(2)
  const hasClasses = next() < 0.5
  const none = new Float64Array(hosts.length)
  const counted = Int32Array.from(hosts, () => (next() < 0.9 ? 1 : 0))
  const refused: Way = { rule: 'same-hypervisor', reason: 'another hypervisor' }
  const dimension = { base: none, spreadWeight: next() < 0.5 ? 1 : 0, peakWeight: 1 }
  const distinct = (count: number): number[] => [...new Set(Array.from({ length: count }, () => below(vms.length)))]
  return {
    hosts,
    vms,
    start: Int32Array.from(vms, () => below(hosts.length)),
    counted,
    dimensions: [
      { name: 'memory', ...dimension, capacity, load: memory },
      { name: 'cpu', ...dimension, capacity: cores, load: cpu },
    ],
    limits: [
      { rule: 'into-reserve', use: memory, most: capacity, overPenalty: 1, format: (amount) => `${amount} MiB` },
      {
        rule: 'vcpu-overcommit',
        use: Float64Array.from(vms, () => 1 + below(3)),
        most: Float64Array.from(cores, (count) => count * 2),
        overPenalty: 1,
        format: String,
      },
    ],
    apart: Array.from({ length: below(3) }, (_, at) => ({
      rule: 'apart-on-one-host' as const,
      name: `set${at}`,
      vms: distinct(2 + below(3)),
      penalty: 1,
    })),
    together: Array.from({ length: below(2) }, (_, at) => ({
      name: `pair${at}`,
      vms: distinct(2 + below(2)),
      penalty: 0.2,
    })),
    survival:
      next() < 0.5
        ? { use: memory, most: capacity, group: Int32Array.from(hosts, () => (next() < 0.9 ? below(2) : -1)) }
        : undefined,
    classes: hasClasses
      ? { ofVm: Int32Array.from(vms, () => below(3)), penalty: Float64Array.from(vms, () => (next() < 0.8 ? 0.3 : 0)) }
      : undefined,
    strandedPenalty: Float64Array.from(hosts, (_, host) => (counted[host] === 0 ? 0.5 : 0)),
    excepted: Int32Array.from(vms, () => (next() < 0.1 ? 1 : 0)),
    vmKind: Int32Array.from(vms, () => below(kinds + 1)),
    hostKind: Int32Array.from(hosts, (_, host) => (counted[host] === 0 ? kinds : below(kinds))),
    // The last kind of VM never moves; nothing moves to the last kind of host.
    ways: Array.from({ length: kinds + 1 }, (_, vm) =>
      Array.from({ length: kinds + 1 }, (_unused, host): Way => {
        if (vm === kinds) return { rule: 'pinned', reason: 'it stays' }
        if (host === kinds) return { rule: 'reserve-host-empty', reason: 'kept empty' }
        return vm === host ? { kind: 'live' } : vm < host ? { kind: 'cold-copy' } : refused
      }),
    ),
    moveCost: (_vm, way) => (way === 'live' ? 0.002 : 0.02),
  }
}
