import type { FleetSpec, HostSpec } from '../../../common/fleet-file/fleet-spec.js'
import type { Profile, RoomFleet } from '../capacity/room-fleet.js'
import { indexAt } from '../number-at.js'
import { hypervisorOf, localRoomBytes } from './fleet-hosts.js'

export interface FleetLimits {
  /** Virtual CPUs of running VMs for each core; undefined: no limit. */
  readonly vcpusPerCore: number | undefined
}

/**
 * The fleet of a file for the count of rooms: memory less the reserve, virtual CPUs within the limit if there is one, local disks. VMs on an array start on hosts
 * with the same hypervisor, version and operating system that see the array; VMs on local disks nowhere else. A new VM is on the first array that its host sees; where it sees
 * none, or if it asks for local disk, it is lost with its host. Hosts in reserve take VMs of lost hosts, and no new ones.
 */
export function fleetRooms(spec: FleetSpec, profile: Profile, { vcpusPerCore }: FleetLimits): RoomFleet {
  const { hosts, vms, arrays, policy } = spec
  const hostAt = new Map(hosts.map(({ name }, at) => [name, at]))
  const start = Int32Array.from(vms, ({ host }) => hostAt.get(host) ?? 0)
  const seenBy = new Map(arrays.map(({ name, hosts: seers }) => [name, new Set(seers)]))
  const equal = (from: HostSpec | undefined, to: HostSpec | undefined): boolean =>
    from !== undefined && to !== undefined && hypervisorOf(from) === hypervisorOf(to)
  const arrayOf = (host: HostSpec | undefined): string | undefined =>
    arrays.find(({ hosts: seers }) => host !== undefined && seers.includes(host.name))?.name
  const sees = (array: string | undefined, host: HostSpec | undefined): boolean =>
    array !== undefined && host !== undefined && seenBy.get(array)?.has(host.name) === true
  const isOn = vms.map(({ running }) => running)
  return {
    hosts: hosts.map(({ name }) => name),
    vms: vms.map(({ name }) => name),
    start,
    resources: [
      {
        name: 'memory',
        most: Float64Array.from(hosts, ({ memoryBytes }) => memoryBytes - policy.hostReserveBytes),
        use: Float64Array.from(vms, ({ memoryBytes }, vm) => (isOn[vm] === true ? memoryBytes : 0)),
        perNew: profile.memoryBytes,
      },
      {
        name: 'vcpus',
        most: Float64Array.from(hosts, ({ cores }) => cores * (vcpusPerCore ?? Infinity)),
        use: Float64Array.from(vms, ({ vcpus }, vm) => (isOn[vm] === true ? vcpus : 0)),
        perNew: profile.vcpus,
      },
      {
        name: 'disk',
        most: Float64Array.from(hosts, localRoomBytes),
        use: Float64Array.from(vms, ({ storage, diskBytes }) => (storage === 'local' ? diskBytes : 0)),
        perNew: profile.localDiskBytes,
      },
    ],
    takesNew: Uint8Array.from(hosts, ({ role }) => (role === 'reserve' ? 0 : 1)),
    restarts: (vm, to) => {
      const { storage } = vms[vm] ?? {}
      return storage !== 'local' && equal(hosts[indexAt(start, vm)], hosts[to]) && sees(storage, hosts[to])
    },
    newRestarts: (from, to) =>
      profile.localDiskBytes === 0 && equal(hosts[from], hosts[to]) && sees(arrayOf(hosts[from]), hosts[to]),
    moves: (vm, to) => {
      const { storage } = vms[vm] ?? {}
      return equal(hosts[indexAt(start, vm)], hosts[to]) && (storage === 'local' || sees(storage, hosts[to]))
    },
    reserveBytes: new Float64Array(hosts.length).fill(policy.hostReserveBytes),
    vcpusPerCore: new Float64Array(hosts.length).fill(vcpusPerCore ?? Infinity),
  }
}
