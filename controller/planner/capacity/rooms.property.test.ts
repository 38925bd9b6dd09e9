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
  const lostSets = (from: number, size: number): number[][] =>
    size === 0
      ? [[]]
      : fleet.hosts.flatMap((_, host) =>
          host < from ? [] : lostSets(host + 1, size - 1).map((rest) => [host, ...rest]),
        )
  const go = (host: number): void => {
    if (host === fleet.hosts.length) {
      const sum = counts.reduce((total, one) => total + one, 0)
      if (sum <= best) return
      const all = [...existing(fleet), ...newVms()]
      if (lostSets(0, losses).every((lost) => isBorne(fleet, all, new Set(lost)))) best = sum
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
