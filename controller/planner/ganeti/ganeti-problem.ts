import { MiB, formatMemory } from '../../../common/units.js'
import type { ApartSet, Dimension, Limit, Problem, Way } from '../problem.js'
import { sharedTemplates, type GanetiCluster, type GanetiInstance, type GanetiNode } from './ganeti-text.js'
import type { Utilisation } from './utilisation.js'

/**
 * A cluster of Ganeti's with the score of `hbal`: standard deviations over the nodes that are in use, of free memory, of virtual CPUs for each
 * CPU and of four loads, and 2 for each VM beside another with the same exclusion tag, as its manual has it. Of shared storage: what only DRBD changes is left out.
 * @param loads of each VM by name, 1 each where it is not named; undefined: loads do not count
 */
export function ganetiProblem(cluster: GanetiCluster, loads: ReadonlyMap<string, Utilisation> | undefined): Problem {
  const { nodes, instances } = cluster
  const nodeAt = new Map(nodes.map(({ name }, at) => [name, at]))
  const start = Int32Array.from(instances, ({ node }) => nodeAt.get(node) ?? 0)
  const missing = missingMemory(cluster, start)
  const kinds = kindsOf(cluster, start)
  return {
    hosts: nodes.map(({ name }) => name),
    vms: instances.map(({ name }) => name),
    start,
    counted: Int32Array.from(nodes, ({ offline }) => (offline ? 0 : 1)),
    dimensions: merged(dimensionsOf(cluster, missing, loads)),
    limits: limitsOf(cluster, missing),
    apart: exclusionSets(cluster),
    together: [],
    classes: undefined,
    survival: undefined,
    // 4 for each VM on a node that is out of use, and 16 as that is its first node.
    strandedPenalty: Float64Array.from(nodes, ({ offline }) => (offline ? 20 : 0)),
    excepted: new Int32Array(instances.length),
    ...kinds,
    moveCost: () => 0,
  }
}

/** Memory of each node that nobody is known to use: less is free than should be. */
function missingMemory({ nodes, instances }: GanetiCluster, start: Int32Array): Float64Array {
  const missing = Float64Array.from(nodes, ({ totalMiB, nodeMiB, freeMiB }) => totalMiB - nodeMiB - freeMiB)
  for (const [vm, { running, memoryMiB }] of instances.entries()) {
    const node = start[vm] ?? 0
    if (running) missing[node] = (missing[node] ?? 0) - memoryMiB
  }
  return missing.map((amount) => Math.max(0, amount))
}

function dimensionsOf(
  { nodes, instances }: GanetiCluster,
  missing: Float64Array,
  loads: ReadonlyMap<string, Utilisation> | undefined,
): Dimension[] {
  const base = Float64Array.from(nodes, ({ nodeMiB }, at) => nodeMiB + (missing[at] ?? 0))
  const memory = { base, capacity: Float64Array.from(nodes, ({ totalMiB }) => totalMiB) }
  const none = new Float64Array(nodes.length)
  const one = Float64Array.from(nodes, () => 1)
  const spread = (
    name: string,
    spreadWeight: number,
    of: Pick<Dimension, 'base' | 'capacity' | 'load'>,
  ): Dimension => ({
    name,
    spreadWeight,
    peakWeight: 0,
    ...of,
  })
  const byVm = (figure: (instance: GanetiInstance) => number): Float64Array => Float64Array.from(instances, figure)
  const usual = { cpu: 1, memory: 1, disk: 1, network: 1 }
  const load = (key: keyof Utilisation): Dimension =>
    spread(`${key} load`, 1, { base: none, capacity: one, load: byVm(({ name }) => (loads?.get(name) ?? usual)[key]) })
  return [
    spread('free memory', 0.5, { ...memory, load: byVm(({ running, memoryMiB }) => (running ? memoryMiB : 0)) }),
    spread('free memory with stopped VMs', 0.5, { ...memory, load: byVm(({ memoryMiB }) => memoryMiB) }),
    spread('free disk', 1, {
      base: Float64Array.from(nodes, ({ diskMiB, freeDiskMiB }) => diskMiB - freeDiskMiB),
      capacity: Float64Array.from(nodes, ({ diskMiB }) => Math.max(1, diskMiB)),
      load: new Float64Array(instances.length),
    }),
    spread('virtual CPUs', 1, {
      base: Float64Array.from(nodes, ({ osCpus }) => osCpus),
      capacity: Float64Array.from(nodes, ({ cpus, cpuSpeed }) => cpus * cpuSpeed),
      load: byVm(({ online, vcpus }) => (online ? vcpus : 0)),
    }),
    ...(loads === undefined ? [] : (['cpu', 'memory', 'disk', 'network'] as const).map(load)),
  ]
}

/** Those that are the same but for their weights are one: less to reckon with. */
function merged(dimensions: readonly Dimension[]): Dimension[] {
  const kept: Dimension[] = []
  for (const one of dimensions) {
    const place = kept.findIndex(
      (other) => isSame(one.load, other.load) && isSame(one.base, other.base) && isSame(one.capacity, other.capacity),
    )
    const former = kept[place]
    if (former === undefined) kept.push(one)
    else
      kept[place] = {
        ...former,
        name: `${former.name}, ${one.name}`,
        spreadWeight: former.spreadWeight + one.spreadWeight,
      }
  }
  return kept
}

function isSame(a: Float64Array, b: Float64Array): boolean {
  return a.every((value, at) => value === b[at])
}

/** hbal leaves a rest of memory on every node: it takes no VM that fills one up. */
const leastFreeMiB = 1

function limitsOf({ nodes, instances, groups, policies }: GanetiCluster, missing: Float64Array): Limit[] {
  const ratio = ({ groupUuid }: GanetiNode): number => {
    const group = groups.find(({ uuid }) => uuid === groupUuid)?.name
    const policy = policies.find(({ owner }) => owner === group) ?? policies.find(({ owner }) => owner === '')
    return policy?.vcpuRatio ?? Infinity
  }
  return [
    {
      rule: 'into-reserve',
      use: Float64Array.from(instances, ({ running, memoryMiB }) => (running ? memoryMiB : 0)),
      most: Float64Array.from(nodes, ({ offline, totalMiB, nodeMiB }, at) =>
        offline ? 0 : totalMiB - nodeMiB - (missing[at] ?? 0) - leastFreeMiB,
      ),
      overPenalty: 0,
      format: (amount) => formatMemory(amount * MiB),
    },
    {
      rule: 'vcpu-overcommit',
      use: Float64Array.from(instances, ({ online, vcpus }) => (online ? vcpus : 0)),
      most: Float64Array.from(nodes, (node) => (node.offline ? 0 : ratio(node) * node.cpus)),
      overPenalty: 0,
      format: (amount) => `${amount} virtual CPUs`,
    },
  ]
}

/** VMs that share an exclusion tag: cluster tags `htools:iextags:P` say which tags of VMs are, by their beginning. */
function exclusionSets({ clusterTags, instances }: GanetiCluster): ApartSet[] {
  const prefixes = suffixesOf(clusterTags, 'htools:iextags:').map((prefix) => `${prefix}:`)
  const sets = new Map<string, number[]>()
  for (const [vm, { tags }] of instances.entries()) {
    for (const tag of new Set(tags)) {
      if (!prefixes.some((prefix) => tag.startsWith(prefix))) continue
      const set = sets.get(tag)
      if (set === undefined) sets.set(tag, [vm])
      else set.push(vm)
    }
  }
  return Array.from(sets, ([name, vms]): ApartSet => ({ rule: 'apart-on-one-host', name, vms, penalty: 2 })).filter(
    ({ vms }) => vms.length > 1,
  )
}

function suffixesOf(tags: readonly string[], prefix: string): string[] {
  return tags.filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length))
}

/** Who may go where: within the group, to nodes with all migration tags of the first one, and not with local disks. */
function kindsOf(
  { nodes, instances, clusterTags }: GanetiCluster,
  start: Int32Array,
): Pick<Problem, 'vmKind' | 'hostKind' | 'ways'> {
  const prefixes = suffixesOf(clusterTags, 'htools:migration:').map((prefix) => `${prefix}:`)
  const migration = ({ tags }: GanetiNode): string[] =>
    tags.filter((tag) => prefixes.some((prefix) => tag.startsWith(prefix))).sort()
  const keys = nodes.map((node) => JSON.stringify([node.groupUuid, node.offline, migration(node)]))
  const distinct = [...new Set(keys)]
  const sample = distinct.map((key) => nodes[keys.indexOf(key)])
  const hostKind = Int32Array.from(keys, (key) => distinct.indexOf(key))
  const isMobile = ({ template }: GanetiInstance): boolean => sharedTemplates.includes(template)
  // A VM's kind: whether it moves at all, and the kind of its first host.
  const vmKind = Int32Array.from(instances, (one, vm) => (hostKind[start[vm] ?? 0] ?? 0) * 2 + (isMobile(one) ? 1 : 0))
  const ways = Array.from({ length: distinct.length * 2 }, (_, kind) =>
    sample.map((to): Way => {
      const from = sample[Math.floor(kind / 2)]
      if (from === undefined || to === undefined) return { rule: 'host-up', reason: 'the node is not known' }
      if (kind % 2 === 0) return { rule: 'storage-reach', reason: 'its disks are local to its node' }
      if (to.offline) return { rule: 'host-up', reason: 'the node is out of use' }
      if (from.groupUuid !== to.groupUuid) return { rule: 'same-group', reason: 'the node is of another group' }
      const wanted = migration(from).find((tag) => !migration(to).includes(tag))
      if (wanted !== undefined) return { rule: 'same-hypervisor', reason: `the node has no tag ${wanted}` }
      return { kind: 'live' }
    }),
  )
  return { vmKind, hostKind, ways }
}
