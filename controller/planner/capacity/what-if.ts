import { at, indexAt } from '../number-at.js'
import type { Resource, RoomFleet } from './room-fleet.js'
import { leftOf } from './rooms.js'

/** A fleet as it might be. */
export interface WhatIf {
  readonly addHosts: readonly AddedHost[]
  readonly addMemory: readonly { readonly host: string; readonly bytes: number }[]
  readonly removeHosts: readonly string[]
  /** All VMs take so much more memory and CPU: 0.2 is a fifth more. */
  readonly growShare: number
}

export interface AddedHost {
  readonly name: string
  readonly memoryBytes: number
  readonly cores: number
}

export const nothingChanged: WhatIf = { addHosts: [], addMemory: [], removeHosts: [], growShare: 0 }

export interface Changed {
  readonly fleet: RoomFleet
  /** VMs of removed hosts that nothing else can take: they are in the fleet no more. */
  readonly withoutPlace: readonly string[]
}

/**
 * The fleet as it would be. New hosts are like the one that most others are like: its hypervisor, its storage, its reserve, its limit of virtual CPUs. VMs of hosts
 * that go are put where most memory is left, the largest first.
 * @throws RangeError naming a host that there is not
 */
export function changed(fleet: RoomFleet, { addHosts, addMemory, removeHosts, growShare }: WhatIf): Changed {
  const grown =
    growShare === 0 ? fleet : { ...fleet, resources: fleet.resources.map((one) => scaled(one, 1 + growShare)) }
  const more = addMemory.reduce((current, { host, bytes }) => withMemory(current, hostNamed(fleet, host), bytes), grown)
  return withoutHosts(
    addHosts.reduce(withHost, more),
    removeHosts.map((name) => hostNamed(fleet, name)),
  )
}

function hostNamed({ hosts }: RoomFleet, name: string): number {
  const host = hosts.indexOf(name)
  if (host !== -1) return host
  const known = hosts.slice(0, 10).join(', ')
  throw new RangeError(`no host of the fleet is called ${name}: there are ${known}${hosts.length > 10 ? ', …' : ''}`)
}

function scaled(resource: Resource, factor: number): Resource {
  return resource.name === 'disk' ? resource : { ...resource, use: resource.use.map((amount) => amount * factor) }
}

function withMemory(fleet: RoomFleet, host: number, bytes: number): RoomFleet {
  const add = (resource: Resource): Resource => {
    if (resource.name !== 'memory') return resource
    const most = Float64Array.from(resource.most)
    most[host] = at(most, host) + bytes
    return { ...resource, most }
  }
  return { ...fleet, resources: fleet.resources.map(add) }
}

function withHost(fleet: RoomFleet, { name, memoryBytes, cores }: AddedHost): RoomFleet {
  const { hosts, resources, takesNew, restarts, newRestarts, moves, reserveBytes, vcpusPerCore } = fleet
  const added = hosts.length
  const like = usualHost(fleet)
  const as = (host: number): number => (host === added ? like : host)
  const amounts = {
    memory: memoryBytes - at(reserveBytes, like),
    vcpus: cores * at(vcpusPerCore, like),
    // Nobody said what disks it has: enough.
    disk: Infinity,
  }
  return {
    ...fleet,
    hosts: [...hosts, hosts.includes(name) ? `${name}-${added}` : name],
    resources: resources.map((one) => ({ ...one, most: Float64Array.of(...one.most, amounts[one.name]) })),
    takesNew: Uint8Array.of(...takesNew, 1),
    restarts: (vm, to) => restarts(vm, as(to)),
    newRestarts: (from, to) => newRestarts(as(from), as(to)),
    moves: (vm, to) => moves(vm, as(to)),
    reserveBytes: Float64Array.of(...reserveBytes, at(reserveBytes, like)),
    vcpusPerCore: Float64Array.of(...vcpusPerCore, at(vcpusPerCore, like)),
  }
}

/** The host whose new VMs could start on most others. */
function usualHost({ hosts, takesNew, newRestarts }: RoomFleet): number {
  let best = 0
  let most = -1
  for (const [from] of hosts.entries()) {
    if (takesNew[from] !== 1) continue
    const others = hosts.reduce((count, _, to) => count + (newRestarts(from, to) ? 1 : 0), 0)
    if (others > most) [best, most] = [from, others]
  }
  return best
}

function withoutHosts(fleet: RoomFleet, gone: readonly number[]): Changed {
  if (gone.length === 0) return { fleet, withoutPlace: [] }
  const { hosts, vms, resources, moves } = fleet
  const width = resources.length
  const left = leftOf(fleet)
  const start = Int32Array.from(fleet.start)
  const homeless = new Set<number>()
  const size = (vm: number): number => at(resources[0]?.use ?? new Float64Array(0), vm)
  const leaving = vms.map((_, vm) => vm).filter((vm) => gone.includes(indexAt(start, vm)))
  for (const vm of leaving.sort((a, b) => size(b) - size(a) || a - b)) {
    let best = -1
    for (const [host] of hosts.entries()) {
      if (gone.includes(host) || !moves(vm, host)) continue
      if (!resources.every(({ use }, r) => at(use, vm) <= at(left, host * width + r))) continue
      if (best === -1 || at(left, host * width) > at(left, best * width)) best = host
    }
    if (best === -1) homeless.add(vm)
    else {
      start[vm] = best
      for (const [r, { use }] of resources.entries()) left[best * width + r] = at(left, best * width + r) - at(use, vm)
    }
  }
  return {
    fleet: {
      ...fleet,
      start,
      resources: resources.map((one) => ({
        ...one,
        most: one.most.map((amount, host) => (gone.includes(host) ? 0 : amount)),
        use: one.use.map((amount, vm) => (homeless.has(vm) ? 0 : amount)),
      })),
      takesNew: fleet.takesNew.map((takes, host) => (gone.includes(host) ? 0 : takes)),
      restarts: (vm, to) => !gone.includes(to) && fleet.restarts(vm, to),
      newRestarts: (from, to) => !gone.includes(to) && fleet.newRestarts(from, to),
    },
    withoutPlace: [...homeless].map((vm) => vms[vm] ?? ''),
  }
}
