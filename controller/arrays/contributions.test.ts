import { describe, expect, it } from 'vitest'

import { boxKey, secondKey, storageFleet, vmOnBox } from '../../test/support/storage-fleet.js'
import { builtAt, known, uuidOf } from '../../test/support/snapshot-builder.js'
import type { Exchanged, Snapshot } from '../model/snapshot.js'
import { contributionsOf, type Contribution } from './contributions.js'

/** What the VM's disk, and the host by each array, exchanged. */
function exchanged(
  snapshot: Snapshot,
  vms: Readonly<Record<string, Exchanged>>,
  host: Readonly<Record<string, Exchanged>>,
): Snapshot {
  const disks = new Map(snapshot.disks)
  for (const [name, one] of Object.entries(vms)) {
    const disk = disks.get(`${uuidOf(name)}/vda`)
    if (disk !== undefined) disks.set(disk.id, { ...disk, exchanged: one, metrics: { writeBytesPerSecond: known(1) } })
  }
  const arrays = new Map(snapshot.arrays)
  const [hostId = ''] = snapshot.hosts.keys()
  for (const [key, one] of Object.entries(host)) {
    const array = arrays.get(key)
    if (array !== undefined) arrays.set(key, { ...array, exchanges: [{ hostId, at: builtAt, exchanged: one }] })
  }
  return { ...snapshot, disks, arrays }
}

/** By the two arrays that are one box. */
function told(snapshot: Snapshot): Contribution[] {
  return contributionsOf(
    snapshot,
    [...snapshot.arrays.values()].filter(({ key }) => key === boxKey || key === secondKey),
  )
}

describe('what users of a box contribute', () => {
  it('is what VMs told of, and of hosts the sum over the arrays of the box', () => {
    const rows = [
      vmOnBox('p1'),
      vmOnBox('c1', { array: secondKey }),
      vmOnBox('x1'),
      vmOnBox('p2', { state: 'shutoff' }),
    ]
    const snapshot = exchanged(
      storageFleet(rows),
      { p1: { writeBytes: 7, writeRequests: 1 }, c1: { readBytes: 5 }, p2: { writeBytes: 9 } },
      { [boxKey]: { writeBytes: 10 }, [secondKey]: { writeBytes: 20, readBytes: 5 } },
    )
    expect(told(snapshot).map(({ kind, name, totals }) => [kind, name, totals])).toEqual([
      ['vm', 'p1', { writeBytes: 7, writeRequests: 1 }],
      ['vm', 'c1', { readBytes: 5 }],
      ['host', 'a', { writeBytes: 30, readBytes: 5 }],
    ])
  })

  it('says where the VM runs, and when it was read', () => {
    const [one] = told(exchanged(storageFleet(), { p1: { writeBytes: 7 } }, {}))
    expect(one).toMatchObject({ id: uuidOf('p1'), hostId: 'id-a', at: builtAt })
  })

  it('says of what the totals are', () => {
    const p1 = { p1: { writeBytes: 7 } }
    const one = told(exchanged(storageFleet(), p1, { [boxKey]: { writeBytes: 10 } }))
    const both = told(exchanged(storageFleet(), p1, { [boxKey]: { writeBytes: 10 }, [secondKey]: { writeBytes: 20 } }))
    expect(one.map(({ of }) => of)).toEqual([`${uuidOf('p1')}/vda`, boxKey])
    expect(both.map(({ of }) => of)).toEqual([`${uuidOf('p1')}/vda`, `${boxKey} ${secondKey}`])
  })

  it('leaves out what disks do elsewhere', () => {
    const rows = [vmOnBox('p1'), { name: 'p2', host: 'a', memoryMiB: 1024 }]
    expect(told(exchanged(storageFleet(rows), { p1: { writeBytes: 7 }, p2: { writeBytes: 9 } }, {}))).toHaveLength(1)
  })
})
