import { seededChance } from '../../support/seeded-chance.js'

/** A made-up fleet in Ganeti's text format, and the loads of its VMs as a file for `hbal -U`. */
export interface GanetiFleet {
  readonly text: string
  readonly utilisation: string
}

export interface GanetiFleetSize {
  readonly hosts: number
  readonly vmsPerHost: number
  /** Hosts in one group of Ganeti's; all in one if left out. */
  readonly groupOf?: number
}

const policyLine = '|128,1,1024,1,1,1|128,1,1024,1,1,1;131072,32,4194304,16,8,16|ext,plain,diskless|16.0|64.0'

/**
 * Hosts of three sizes and VMs of many; some hosts have drawn far more VMs than others. Every VM can move anywhere in its group. The same
 * for the same seed.
 */
export function ganetiFleet(seed: number, { hosts, vmsPerHost, groupOf = hosts }: GanetiFleetSize): GanetiFleet {
  const next = seededChance(seed, `ganeti ${hosts} ${vmsPerHost}`)
  const below = (count: number): number => Math.floor(next() * count)
  const nodes = Array.from({ length: hosts }, (_, at) => {
    const size = 1 + below(3)
    return {
      name: `node${at + 1}`,
      group: Math.floor(at / groupOf),
      memory: size * 65_536,
      cores: size * 16,
      free: size * 65_536 - 2048,
      vms: 0,
      crowd: next() ** 2 + 0.05,
    }
  })
  const instances: string[] = []
  const loads: string[] = []
  const crowdOf = (): (typeof nodes)[number] | undefined => {
    const total = nodes.reduce((sum, { crowd }) => sum + crowd, 0)
    let left = next() * total
    return nodes.find(({ crowd }) => (left -= crowd) <= 0)
  }
  for (let at = 1; at <= hosts * vmsPerHost; at += 1) {
    const memory = 512 * 2 ** below(5) * (1 + below(2))
    const cpus = 1 + below(4)
    let node = crowdOf()
    while (node === undefined || node.free < memory) node = nodes[below(nodes.length)]
    node.free -= memory
    node.vms += 1
    instances.push(`vm${at}|${memory}|10240|${cpus}|running|Y|${node.name}||ext||1`)
    loads.push(
      `vm${at} ${(cpus * next()).toFixed(3)} ${next().toFixed(3)} ${(next() ** 3).toFixed(3)} ${(next() ** 2).toFixed(3)}`,
    )
  }
  const groups = Array.from({ length: Math.ceil(hosts / groupOf) }, (_, at) => `group${at}|uuid-${at}|preferred||`)
  const nodeLines = nodes.map(
    ({ name, memory, free, cores, group }) =>
      `${name}|${memory}|2048|${free}|1048576|1048576|${cores}|N|uuid-${group}|1||N|0`,
  )
  const policies = [policyLine, ...groups.map((_, at) => `group${at}${policyLine}`)]
  const sections = [groups, nodeLines, instances, [], policies]
  return {
    text: sections.map((lines) => lines.map((line) => `${line}\n`).join('')).join('\n'),
    utilisation: loads.map((line) => `${line}\n`).join(''),
  }
}
