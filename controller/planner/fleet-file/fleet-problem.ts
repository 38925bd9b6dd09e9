import type { FleetSpec, HostSpec, VmSpec } from '../../../common/fleet-file/fleet-spec.js'
import { formatBytes, formatMemory } from '../../../common/units.js'
import { moveCost } from '../live/move-cost.js'
import type { ApartSet, Classes, Limit, Problem, Way } from '../problem.js'
import { hypervisorOf, localRoomBytes } from './fleet-hosts.js'
import type { FleetLimits } from './fleet-rooms.js'

/** What a plain copy of a disk does where nothing is known: as measured on the disks of a small cloud, 20–25 MB/s. */
export const copyBytesPerSecond = 22.5e6

/**
 * The fleet of a file, with its rules: memory and virtual CPUs are to be alike among hosts that are not in reserve; what its policy finds wrong counts.
 * VMs move live between hosts of the same hypervisor, version and operating system that see their array; those on local disk by a copy while they are off.
 */
export function fleetProblem(spec: FleetSpec, { vcpusPerCore }: FleetLimits): Problem {
  const { hosts, vms, policy } = spec
  const hostAt = new Map(hosts.map(({ name }, at) => [name, at]))
  const isReserve = ({ role }: HostSpec): boolean => role === 'reserve'
  const byVm = (figure: (vm: VmSpec) => number): Float64Array =>
    Float64Array.from(vms, (vm) => (vm.running ? figure(vm) : 0))
  const byHost = (figure: (host: HostSpec) => number): Float64Array => Float64Array.from(hosts, figure)
  const memory = byVm(({ memoryBytes }) => memoryBytes)
  const vcpus = byVm((vm) => vm.vcpus)
  const roomBytes = byHost(({ memoryBytes }) => Math.max(1, memoryBytes - policy.hostReserveBytes))
  const none = new Float64Array(hosts.length)
  const limits: Limit[] = [
    { rule: 'into-reserve', use: memory, most: roomBytes, overPenalty: 1, format: formatMemory },
    {
      rule: 'local-space',
      use: Float64Array.from(vms, ({ storage, diskBytes }) => (storage === 'local' ? diskBytes : 0)),
      most: byHost(localRoomBytes),
      overPenalty: 0,
      format: formatBytes,
    },
  ]
  if (vcpusPerCore !== undefined) {
    const most = byHost(({ cores }) => cores * vcpusPerCore)
    const format = (amount: number): string => `${amount} virtual CPUs`
    limits.push({ rule: 'vcpu-overcommit', use: vcpus, most, overPenalty: 0.2, format })
  }
  return {
    hosts: hosts.map(({ name }) => name),
    vms: vms.map(({ name }) => name),
    start: Int32Array.from(vms, ({ host }) => hostAt.get(host) ?? 0),
    counted: Int32Array.from(hosts, (host) => (isReserve(host) ? 0 : 1)),
    dimensions: [
      { name: 'memory', base: none, capacity: roomBytes, load: memory, spreadWeight: 1, peakWeight: 1 },
      {
        name: 'virtual CPUs',
        base: none,
        capacity: byHost(({ threads }) => threads),
        load: vcpus,
        spreadWeight: 0.5,
        peakWeight: 0.1,
      },
    ],
    limits,
    apart: apartSets(spec),
    together: [],
    classes: classesOf(spec),
    survival: { use: memory, most: roomBytes, group: hypervisorGroups(hosts) },
    strandedPenalty: byHost((host) => (isReserve(host) ? 0.5 : 0)),
    excepted: Int32Array.from(vms, (vm) => (isExcepted(spec, vm, 'reserve-host-empty') ? 1 : 0)),
    ...kindsOf(spec),
    moveCost: (vm, kind) =>
      moveCost(kind, {
        memoryBytes: vms[vm]?.memoryBytes ?? 0,
        diskBytes: vms[vm]?.diskBytes ?? 0,
        copyBytesPerSecond,
      }),
  }
}

/** Hosts of the same hypervisor take each other's VMs if one fails. */
function hypervisorGroups(hosts: readonly HostSpec[]): Int32Array {
  const keys = hosts.map(hypervisorOf)
  return Int32Array.from(keys, (key) => keys.indexOf(key))
}

export function classOf({ classes }: Pick<FleetSpec, 'classes'>, { group }: VmSpec): 'core' | 'personal' | undefined {
  const named = Object.hasOwn(classes, group) ? classes[group] : undefined
  return named === 'core' || named === 'personal' ? named : undefined
}

export function isExcepted({ exceptions }: Pick<FleetSpec, 'exceptions'>, vm: VmSpec, rule: string): boolean {
  return exceptions.some((one) => one.rule === rule && (one.vm === vm.name || one.host === vm.host))
}

function apartSets({ services, apart, vms }: FleetSpec): ApartSet[] {
  const at = new Map(vms.map(({ name }, index) => [name, index]))
  const indices = (names: readonly string[]): number[] => names.flatMap((name) => at.get(name) ?? [])
  const sets = [
    ...services.map(({ name, members }) => ({ name, vms: indices(members), rule: 'service-on-one-host' as const })),
    ...apart.map((members) => ({
      name: members.join(' and '),
      vms: indices(members),
      rule: 'apart-on-one-host' as const,
    })),
  ]
  return sets.filter(({ vms }) => vms.length > 1).map((set): ApartSet => ({ ...set, penalty: 1 }))
}

const classNumbers = { core: 1, personal: 2, none: 0 } as const

/** On local disk a personal VM hurts nobody much: then it counts little that it is beside core VMs. */
function classesOf(spec: FleetSpec): Classes | undefined {
  if (Object.keys(spec.classes).length === 0) return undefined
  const penalty = (vm: VmSpec): number =>
    isExcepted(spec, vm, 'personal-beside-core') ? 0 : vm.storage === 'local' ? 0.01 : 0.3
  return {
    ofVm: Int32Array.from(spec.vms, (vm) => classNumbers[classOf(spec, vm) ?? 'none']),
    penalty: Float64Array.from(spec.vms, penalty),
  }
}

/** VMs are alike by hypervisor and storage, hosts by hypervisor, the arrays that they see, and whether they are kept in reserve. */
function kindsOf({ hosts, vms, arrays }: FleetSpec): Pick<Problem, 'vmKind' | 'hostKind' | 'ways'> {
  const arraysOf = new Map(
    hosts.map(({ name }) => [name, arrays.filter((array) => array.hosts.includes(name)).map((array) => array.name)]),
  )
  const hostKeys = hosts.map((host) =>
    JSON.stringify([hypervisorOf(host), arraysOf.get(host.name), host.role === 'reserve']),
  )
  const hostByName = new Map(hosts.map((host) => [host.name, host]))
  const vmKeys = vms.map(({ host, storage }) => {
    const own = hostByName.get(host)
    return JSON.stringify([own === undefined ? '' : hypervisorOf(own), storage])
  })
  const [hostSamples, hostKind] = distinct(hostKeys, hosts)
  const [vmSamples, vmKind] = distinct(vmKeys, vms)
  const ways = vmSamples.map((vm) =>
    hostSamples.map((to): Way => {
      const from = hostByName.get(vm.host)
      if (from === undefined || hypervisorOf(from) !== hypervisorOf(to)) {
        return { rule: 'same-hypervisor', reason: `${to.name} runs ${to.kind} ${to.version} on ${to.os}` }
      }
      if (to.role === 'reserve') return { rule: 'reserve-host-empty', reason: `${to.name} is kept empty` }
      if (vm.storage === 'local') return { kind: 'cold-copy' }
      return arraysOf.get(to.name)?.includes(vm.storage) === true
        ? { kind: 'live' }
        : { rule: 'storage-reach', reason: `${to.name} does not see ${vm.storage}` }
    }),
  )
  return { vmKind, hostKind, ways }
}

/** One of each kind, and the kind of each. */
function distinct<One>(keys: readonly string[], all: readonly One[]): [samples: One[], kinds: Int32Array] {
  const kindOf = new Map<string, number>()
  const samples: One[] = []
  const kinds = Int32Array.from(keys, (key, at) => {
    const known = kindOf.get(key)
    if (known !== undefined) return known
    const one = all[at]
    if (one !== undefined) samples.push(one)
    kindOf.set(key, samples.length - 1)
    return samples.length - 1
  })
  return [samples, kinds]
}
