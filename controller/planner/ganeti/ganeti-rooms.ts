import { MiB } from '../../../common/units.js'
import type { Profile, RoomFleet } from '../capacity/room-fleet.js'
import { indexAt } from '../number-at.js'
import { ganetiProblem } from './ganeti-problem.js'
import { sharedTemplates, type GanetiCluster } from './ganeti-text.js'

/**
 * A cluster of Ganeti's for the count of rooms, within what `hbal` and `hspace` allow on a node: some memory has to be left, virtual CPUs stay within the ratio of
 * its group, disks of templates that are local take the node's own space. New VMs are on shared storage unless they ask for local disk.
 */
export function ganetiRooms(cluster: GanetiCluster, profile: Profile): RoomFleet {
  const problem = ganetiProblem(cluster, undefined)
  const { hosts, vms, start, limits, hostKind, ways } = problem
  const of = (rule: 'into-reserve' | 'vcpu-overcommit'): { most: Float64Array; use: Float64Array } =>
    limits.find((limit) => limit.rule === rule) ?? {
      most: new Float64Array(hosts.length),
      use: new Float64Array(vms.length),
    }
  const isLocal = cluster.instances.map(
    ({ template }) => !sharedTemplates.includes(template) && template !== 'diskless',
  )
  const localUse = Float64Array.from(cluster.instances, ({ diskMiB }, vm) => (isLocal[vm] === true ? diskMiB : 0))
  // Free space as the node itself told, local disks of its VMs taken off already.
  const localMost = Float64Array.from(cluster.nodes, ({ freeDiskMiB }, host) => {
    const used = localUse.reduce((sum, use, vm) => sum + (indexAt(start, vm) === host ? use : 0), 0)
    return freeDiskMiB + used
  })
  // Kinds of VMs on shared storage are the odd ones.
  const mayGo = (from: number, to: number): boolean => {
    const way = ways[indexAt(hostKind, from) * 2 + 1]?.[indexAt(hostKind, to)]
    return way !== undefined && 'kind' in way
  }
  return {
    hosts,
    vms,
    start,
    resources: [
      {
        name: 'memory',
        most: of('into-reserve').most.map((amount) => amount * MiB),
        use: of('into-reserve').use.map((amount) => amount * MiB),
        perNew: profile.memoryBytes,
      },
      { name: 'vcpus', ...of('vcpu-overcommit'), perNew: profile.vcpus },
      {
        name: 'disk',
        most: localMost.map((amount) => amount * MiB),
        use: localUse.map((amount) => amount * MiB),
        perNew: profile.localDiskBytes,
      },
    ],
    takesNew: Uint8Array.from(cluster.nodes, ({ offline }) => (offline ? 0 : 1)),
    restarts: (vm, to) => isLocal[vm] === false && mayGo(indexAt(start, vm), to),
    newRestarts: (from, to) => profile.localDiskBytes === 0 && mayGo(from, to),
    moves: (vm, to) => isLocal[vm] === false && mayGo(indexAt(start, vm), to),
    reserveBytes: Float64Array.from(
      cluster.nodes,
      ({ totalMiB }, host) => (totalMiB - (of('into-reserve').most[host] ?? 0)) * MiB,
    ),
    vcpusPerCore: Float64Array.from(
      cluster.nodes,
      ({ cpus }, host) => (of('vcpu-overcommit').most[host] ?? 0) / Math.max(1, cpus),
    ),
  }
}
