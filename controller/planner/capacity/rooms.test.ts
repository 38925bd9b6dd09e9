import { expect, it } from 'vitest'

import { elabSpec } from '../../../test/support/deployed-fleets.js'
import { seededChance } from '../../../test/support/seeded-chance.js'
import { GiB, MiB } from '../../../common/units.js'
import { fleetRooms } from '../fleet-file/fleet-rooms.js'
import type { RoomFleet } from './room-fleet.js'
import { countRooms, type Rooms } from './rooms.js'
import { changed, nothingChanged, type WhatIf } from './what-if.js'

const profile = { memoryBytes: GiB, vcpus: 1, localDiskBytes: 0 }

function elabRooms(
  reserveMiB: number,
  losses = 0,
  whatIf: Partial<WhatIf> = {},
  spec = elabSpec,
): Rooms & { withoutPlace: readonly string[] } {
  const fleet = fleetRooms({ ...spec, policy: { ...spec.policy, hostReserveBytes: reserveMiB * MiB } }, profile, {
    vcpusPerCore: undefined,
  })
  const { fleet: other, withoutPlace } = changed(fleet, { ...nothingChanged, ...whatIf })
  return { ...countRooms(other, losses), withoutPlace }
}

it('finds the rooms that the lab wrote down, which counted its reserve', () => {
  const hosts = elabSpec.hosts.map((host) => (host.role === 'reserve' ? { ...host, role: 'core' } : host))
  const rooms = (reserveMiB: number) => [...elabRooms(reserveMiB, 0, {}, { ...elabSpec, hosts }).byHost].slice(0, 4)
  expect(rooms(2048)).toEqual([0, 0, 4, 1])
  expect(rooms(1024)).toEqual([0, 1, 5, 2])
})

it('counts no new VMs on hosts in reserve, which take those of lost hosts', () => {
  expect([...elabRooms(2048).byHost]).toEqual([0, 0, 0, 1, 3])
  const addMemory = ['xenhv01', 'xenhv02', 'xenhv04'].map((host) => ({ host, bytes: 16 * GiB }))
  const { byHost, lossesNotBorne } = elabRooms(2048, 1, { addMemory })
  expect(lossesNotBorne).toBe(0)
  expect(byHost[2]).toBe(0)
})

it('says which loss the fleet cannot bear, and which VMs are lost with their host', () => {
  const { fits, notBorne, lostWithHost } = elabRooms(2048, 1)
  expect(fits).toBe(0)
  expect(notBorne.map(({ hosts }) => hosts)).toEqual([[3]])
  expect(lostWithHost).toHaveLength(19)
})

it.each([
  ['memory in the old hosts', { addMemory: [{ host: 'xenhv01', bytes: 8 * GiB }] }, [7, 0, 0, 1, 3]],
  ['a new host', { addHosts: [{ name: 'new', memoryBytes: 32 * GiB, cores: 8 }] }, [0, 0, 0, 1, 3, 30]],
  ['all VMs grown by a half', { growShare: 0.5 }, [0, 0, 0, 0, 1]],
  // panda's 2 GiB are too much for what any other host has left.
  ['the reserve gone', { removeHosts: ['xenhv03'] }, [0, 0, 0, 1, 3]],
])('tells what would be with %s', (_what, whatIf, rooms) => {
  expect([...elabRooms(2048, 0, whatIf).byHost]).toEqual(rooms)
})

it('names VMs that nothing takes in, and hosts that there are not', () => {
  expect(elabRooms(2048, 0, { removeHosts: ['xenhv03'] }).withoutPlace).toEqual(['panda'])
  expect(() => elabRooms(2048, 0, { removeHosts: ['xenhv9'] })).toThrow('no host of the fleet is called xenhv9')
})

it('bears every single loss with a host of 32 GB and 8 GiB more in the old ones', () => {
  const addMemory = ['xenhv01', 'xenhv02', 'xenhv03', 'xenhv04'].map((host) => ({ host, bytes: 8 * GiB }))
  const { fits, exact, notBorne } = elabRooms(2048, 1, {
    addMemory,
    addHosts: [{ name: 'new', memoryBytes: 32 * GiB, cores: 8 }],
  })
  expect({ exact, notBorne }).toEqual({ exact: true, notBorne: [] })
  expect(fits).toBeGreaterThan(20)
})

/** Nine hosts on one array, eight of them empty and the last one full of VMs, in units of memory. */
function triples(memory: number, vms: readonly number[], perNew: number): RoomFleet {
  const hosts = Array.from({ length: 9 }, (_, at) => `host${at}`)
  return {
    hosts,
    vms: vms.map((_, vm) => `vm${vm}`),
    start: new Int32Array(vms.length).fill(8),
    resources: [
      { name: 'memory', most: new Float64Array(9).fill(memory).fill(1e6, 8), use: Float64Array.from(vms), perNew },
    ],
    takesNew: new Uint8Array(9).fill(1),
    restarts: () => true,
    newRestarts: () => true,
    moves: () => true,
    reserveBytes: new Float64Array(9),
    vcpusPerCore: new Float64Array(9).fill(1),
  }
}

it('claims nothing of a loss for which the search was cut', () => {
  const chance = seededChance(1, 'triples')
  // Three fill a host to the last of 10,000: nearly no other way does.
  const vms = Array.from({ length: 8 }, () => {
    const [first, second] = [2000 + Math.floor(chance() * 2000), 2000 + Math.floor(chance() * 2000)]
    return [first, second, 10_000 - first - second]
  }).flat()
  const full = countRooms(triples(10_000, vms, 10), 1)
  expect(full).toMatchObject({ fits: 0, atMost: 0, exact: false, notBorne: [], lossesNotBorne: 0, lossesNotShown: 1 })
  expect(full.notShown).toEqual([[8]])
  // With a little more in each host there may be room for one in each, and nobody knows.
  expect(countRooms(triples(10_010, vms, 10), 1)).toMatchObject({ fits: 0, atMost: 8, exact: false, lossesNotShown: 1 })
  // Too little for all together is certain.
  expect(countRooms(triples(9_999, vms, 10), 1)).toMatchObject({ exact: true, lossesNotBorne: 1, lossesNotShown: 0 })
})

it.each([9, 10])('refuses to lose %i of nine hosts', (losses) => {
  expect(() => countRooms(triples(10, [1], 1), losses)).toThrow(`${losses} of 9 hosts cannot be lost`)
})
