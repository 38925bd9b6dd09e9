import { at, indexAt } from '../number-at.js'
import { Losses } from './losses.js'
import { mostNew, total } from './most-new.js'
import { roomOn } from './pack.js'
import type { RoomFleet } from './room-fleet.js'

/** How many new VMs of one kind fit. */
export interface Rooms {
  readonly fits: number
  /** No more than that can fit; equal to `fits` where the count is exact. */
  readonly atMost: number
  readonly exact: boolean
  /** By host: a way to put them that reaches `fits`. */
  readonly byHost: Int32Array
  /** By host: what it has room for with nothing kept for losses. */
  readonly roomByHost: Int32Array
  /** Losses that the fleet cannot bear as it is, with no new VM; the first few. */
  readonly notBorne: readonly NotBorne[]
  readonly lossesNotBorne: number
  /** Hosts for whose loss no place for all was found before the search was cut: it may be borne or not; the first few. */
  readonly notShown: readonly (readonly number[])[]
  readonly lossesNotShown: number
  /** VMs that start nowhere else when their host is lost: their disks are there alone. Nothing is kept for them. */
  readonly lostWithHost: readonly number[]
}

/** Hosts that may not be lost together, and a VM that then finds no place. */
export interface NotBorne {
  readonly hosts: readonly number[]
  readonly vm: number
}

/** With more ways to lose hosts than this, they are not counted. */
export const mostLosses = 200_000
const mostTold = 20

/**
 * The most new VMs that fit while every VM stays where it is: within what each host may give, and, with `losses` above 0, so that whichever
 * so many hosts are lost, all VMs of theirs that can start elsewhere and all new ones find a place on the others, each as a whole.
 * Without losses it is a sum of roundings down, exact. With them: no more can fit than the worst loss leaves room for; a way to put as many is looked for, and in
 * small fleets all ways are gone through where it is not found. `exact` says that `fits` was proven to be the most.
 * @throws RangeError: as many losses as hosts or more, or too many ways to lose them
 */
export function countRooms(fleet: RoomFleet, losses: number): Rooms {
  const { hosts, resources } = fleet
  const width = resources.length
  const perNew = Float64Array.from(resources, ({ perNew }) => perNew)
  const left = leftOf(fleet)
  const roomByHost = Int32Array.from(hosts, (_, host) => {
    for (let r = 0; r < width; r += 1) if (at(perNew, r) > 0 && at(left, host * width + r) < 0) return 0
    return fleet.takesNew[host] === 1 ? roomOn(left, host, perNew) : 0
  })
  const sum = total(roomByHost)
  const lostWithHost = losses === 0 ? [] : fleet.vms.map((_, vm) => vm).filter((vm) => !startsElsewhere(fleet, vm))
  const common = { roomByHost, lostWithHost }
  if (losses === 0) {
    return { ...common, ...noneBroken, fits: sum, atMost: sum, exact: true, byHost: roomByHost }
  }
  if (losses >= hosts.length) {
    throw new RangeError(
      `${losses} of ${hosts.length} host${hosts.length === 1 ? '' : 's'} cannot be lost with something left: expected at most ${hosts.length - 1}`,
    )
  }
  if (countLosses(hosts.length, losses) > mostLosses) {
    throw new RangeError(`${hosts.length} hosts can lose ${losses} in more than ${mostLosses} ways: count fewer`)
  }
  const all = new Losses(fleet, left, perNew, losses)
  const none = new Int32Array(hosts.length)
  const { broken, unknown } = all.brokenBy(none)
  if (broken.length > 0) {
    const notBorne = broken.slice(0, mostTold).map((one) => ({ hosts: one, vm: all.firstWithoutPlace(one) }))
    return {
      ...common,
      ...doubts(unknown),
      fits: 0,
      atMost: 0,
      exact: true,
      byHost: none,
      notBorne,
      lossesNotBorne: broken.length,
    }
  }
  // A new VM has to find a place again in every loss: where it finds none in any, there is no room for it.
  const usable = roomByHost.map((room, from) =>
    hosts.some((_, to) => to !== from && fleet.newRestarts(from, to)) ? room : 0,
  )
  if (unknown.length > 0) {
    const atMost = Math.min(total(usable), all.bound())
    return { ...common, ...noneBroken, ...doubts(unknown), fits: 0, atMost, exact: false, byHost: none }
  }
  return { ...common, ...noneBroken, ...mostNew(all, usable) }
}

/** Rooms where no host would be left: none. */
export function noRooms(fleet: RoomFleet): Rooms {
  const { roomByHost } = countRooms(fleet, 0)
  const none = new Int32Array(fleet.hosts.length)
  return { ...noneBroken, fits: 0, atMost: 0, exact: true, byHost: none, roomByHost, lostWithHost: [] }
}

const noneBroken = { notBorne: [], lossesNotBorne: 0, notShown: [], lossesNotShown: 0 }

function doubts(unknown: readonly (readonly number[])[]): Pick<Rooms, 'notShown' | 'lossesNotShown'> {
  return { notShown: unknown.slice(0, mostTold), lossesNotShown: unknown.length }
}

function startsElsewhere({ hosts, start, restarts, resources }: RoomFleet, vm: number): boolean {
  if (resources.every(({ use }) => at(use, vm) === 0)) return true
  return hosts.some((_, host) => host !== indexAt(start, vm) && restarts(vm, host))
}

/** By host, then by resource: below 0 where VMs take more than they may. */
export function leftOf({ hosts, vms, start, resources }: RoomFleet): Float64Array {
  const width = resources.length
  const left = new Float64Array(hosts.length * width)
  for (const [r, { most, use }] of resources.entries()) {
    for (let host = 0; host < hosts.length; host += 1) left[host * width + r] = at(most, host)
    for (let vm = 0; vm < vms.length; vm += 1) {
      const place = indexAt(start, vm) * width + r
      left[place] = at(left, place) - at(use, vm)
    }
  }
  return left
}

function countLosses(hosts: number, losses: number): number {
  let count = 1
  for (let one = 0; one < losses; one += 1) count = (count * (hosts - one)) / (one + 1)
  return count
}
