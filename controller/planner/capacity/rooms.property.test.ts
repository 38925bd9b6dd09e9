import { expect, it } from 'vitest'

import { seededChance } from '../../../test/support/seeded-chance.js'
import type { RoomFleet } from './room-fleet.js'
import { countRooms } from './rooms.js'

/** Up to four hosts of two kinds with a few VMs: small enough to go through every way to put new VMs. */
function smallFleet(seed: number): RoomFleet {
  const next = seededChance(seed, 'rooms')
  const below = (count: number): number => Math.floor(next() * count)
  const hosts = Array.from({ length: 2 + below(3) }, (_, at) => `host${at}`)
  const vms = Array.from({ length: below(6) }, (_, at) => `vm${at}`)
  const kind = hosts.map(() => (next() < 0.8 ? 0 : 1))
  const isLocal = vms.map(() => next() < 0.2)
  const isEqual = (a: number, b: number): boolean => kind[a] === kind[b]
  const start = Int32Array.from(vms, () => below(hosts.length))
  return {
    hosts,
    vms,
    start,
    resources: [
      {
        name: 'memory',
        most: Float64Array.from(hosts, () => 4 + below(9)),
        use: Float64Array.from(vms, () => 1 + below(4)),
        perNew: 1 + below(3),
      },
      {
        name: 'vcpus',
        most: Float64Array.from(hosts, () => 4 + below(12)),
        use: Float64Array.from(vms, () => 1 + below(3)),
        perNew: 1 + below(2),
      },
    ],
    takesNew: Uint8Array.from(hosts, () => (next() < 0.9 ? 1 : 0)),
    restarts: (vm, to) => isLocal[vm] === false && isEqual(start[vm] ?? 0, to),
    newRestarts: isEqual,
    moves: (vm, to) => isEqual(start[vm] ?? 0, to),
    reserveBytes: new Float64Array(hosts.length),
    vcpusPerCore: new Float64Array(hosts.length).fill(1),
  }
}

interface Vm {
  readonly host: number
  readonly use: readonly number[]
  readonly isNew: boolean
  readonly mayGo: (to: number) => boolean
}

function existing({ vms, start, resources, restarts }: RoomFleet): Vm[] {
  return vms.map((_, vm) => ({
    host: start[vm] ?? 0,
    use: resources.map(({ use }) => use[vm] ?? 0),
    isNew: false,
    mayGo: (to) => restarts(vm, to),
  }))
}

/** Every VM of the lost hosts that may go anywhere at all, and every new one, put everywhere in turn. */
function isBorne(fleet: RoomFleet, all: readonly Vm[], lost: ReadonlySet<number>): boolean {
  const left = fleet.hosts.map((_, host) =>
    fleet.resources.map(
      ({ most }, r) =>
        (most[host] ?? 0) - all.filter((vm) => vm.host === host).reduce((sum, { use }) => sum + (use[r] ?? 0), 0),
    ),
  )
  const moving = all.filter(
    (vm) => lost.has(vm.host) && (vm.isNew || fleet.hosts.some((_, to) => to !== vm.host && vm.mayGo(to))),
  )
  const place = (index: number): boolean => {
    const vm = moving[index]
    if (vm === undefined) return true
    return fleet.hosts.some((_, to) => {
      const room = left[to]
      if (room === undefined || lost.has(to) || !vm.mayGo(to)) return false
      if (vm.use.some((amount, r) => amount > (room[r] ?? 0))) return false
      for (const [r, amount] of vm.use.entries()) room[r] = (room[r] ?? 0) - amount
      const fits = place(index + 1)
      for (const [r, amount] of vm.use.entries()) room[r] = (room[r] ?? 0) + amount
      return fits
    })
  }
  return place(0)
}

function lostSets(fleet: RoomFleet, size: number, from = 0): number[][] {
  if (size === 0) return [[]]
  return fleet.hosts.flatMap((_, host) =>
    host < from ? [] : lostSets(fleet, size - 1, host + 1).map((rest) => [host, ...rest]),
  )
}

function isBorneByHand(fleet: RoomFleet, losses: number): boolean {
  return lostSets(fleet, losses).every((lost) => isBorne(fleet, existing(fleet), new Set(lost)))
}

/** The most by going through every number of new VMs on every host. */
function mostByHand(fleet: RoomFleet, losses: number): number {
  const per = fleet.resources.map(({ perNew }) => perNew)
  let best = -1
  const counts: number[] = []
  const newVms = (): Vm[] =>
    counts.flatMap((count, host) =>
      Array.from({ length: count }, () => ({
        host,
        use: per,
        isNew: true,
        mayGo: (to: number) => fleet.newRestarts(host, to),
      })),
    )
  const go = (host: number): void => {
    if (host === fleet.hosts.length) {
      const sum = counts.reduce((total, one) => total + one, 0)
      if (sum <= best) return
      const all = [...existing(fleet), ...newVms()]
      if (lostSets(fleet, losses).every((lost) => isBorne(fleet, all, new Set(lost)))) best = sum
      return
    }
    for (let count = 0; ; count += 1) {
      const used = (r: number): number =>
        existing(fleet)
          .filter((vm) => vm.host === host)
          .reduce((sum, { use }) => sum + (use[r] ?? 0), 0)
      const fits = fleet.resources.every(({ most, perNew }, r) => used(r) + count * perNew <= (most[host] ?? 0))
      if (count > 0 && (!fits || fleet.takesNew[host] !== 1)) break
      counts[host] = count
      go(host + 1)
    }
  }
  go(0)
  return Math.max(0, best)
}

/** Hosts of one hypervisor that see some of three arrays, each another set of them; many hosts have as much memory as others, and VMs fill them. */
function overlappingArrays(seed: number, losses: number): RoomFleet {
  const next = seededChance(seed, 'overlapping')
  const below = (count: number): number => Math.floor(next() * count)
  const hosts = Array.from({ length: 3 + below(3) }, (_, at) => `host${at}`)
  const seen = [0, 1, 2].map(() => hosts.map(() => next() < 0.4 + 0.2 * losses))
  const start: number[] = []
  const use: number[] = []
  const most = hosts.map((_, host) => {
    const full = 5 + below(3)
    for (let left = full - below(4) * losses, count = 0; left > 0 && count < 2; count += 1) {
      const one = Math.min(left, 1 + below(4))
      start.push(host)
      use.push(one)
      left -= one
    }
    return full
  })
  const arrayOf = start.map((host) => seen.findIndex((sees) => sees[host] === true && next() < 0.6))
  const firstOf = hosts.map((_, host) => seen.findIndex((sees) => sees[host] === true))
  const sees = (array: number | undefined, host: number): boolean => seen[array ?? -1]?.[host] === true
  return {
    hosts,
    vms: start.map((_, vm) => `vm${vm}`),
    start: Int32Array.from(start),
    resources: [{ name: 'memory', most: Float64Array.from(most), use: Float64Array.from(use), perNew: losses }],
    takesNew: Uint8Array.from(hosts, () => (next() < 0.9 ? 1 : 0)),
    restarts: (vm, to) => sees(arrayOf[vm], to),
    newRestarts: (from, to) => sees(firstOf[from], to),
    moves: (vm, to) => sees(arrayOf[vm], to),
    reserveBytes: new Float64Array(hosts.length),
    vcpusPerCore: new Float64Array(hosts.length).fill(1),
  }
}

it.each([1, 2])('counts as many as going through all ways does where arrays overlap, with %i hosts lost', (losses) => {
  let borne = 0
  for (let seed = 1; seed <= 150; seed += 1) {
    const fleet = overlappingArrays(seed, losses)
    if (fleet.hosts.length <= losses) continue
    const rooms = countRooms(fleet, losses)
    expect(rooms.exact, `seed ${seed}`).toBe(true)
    expect(rooms.fits, `seed ${seed}`).toBe(mostByHand(fleet, losses))
    expect(rooms.lossesNotBorne === 0, `seed ${seed}`).toBe(isBorneByHand(fleet, losses))
    if (rooms.fits > 0) borne += 1
  }
  expect(borne).toBeGreaterThan(10)
})

it.each([0, 1, 2])('counts as many as going through all ways does, with %i hosts lost', (losses) => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const fleet = smallFleet(seed)
    if (fleet.hosts.length <= losses) continue
    const rooms = countRooms(fleet, losses)
    expect(rooms.exact, `seed ${seed}`).toBe(true)
    expect(rooms.fits, `seed ${seed}`).toBe(mostByHand(fleet, losses))
    expect(rooms.byHost.reduce((sum, one) => sum + one, 0)).toBe(rooms.fits)
  }
})
