import { expect, test } from 'vitest'

import { uuidOf } from '../../../test/support/snapshot-builder.js'
import { ioMetrics, withIo } from '../../../test/support/snapshot-io.js'
import { boxKey, secondKey, storageFleet, storagePolicy, vmOnBox, writes } from '../../../test/support/storage-fleet.js'
import type { Disk } from '../../model/snapshot.js'
import { placed } from '../../../test/support/placed.js'

test('several disks of a VM on one box are one user, by what they do together, the busiest and the slowest of them', () => {
  const uuid = uuidOf('p1')
  const diskIds = ['vda', 'vdb', 'vdc'].map((target) => `${uuid}/${target}`)
  const snapshot = withIo(storageFleet([vmOnBox('p1', { more: { diskIds } }), vmOnBox('c1')]), {
    vms: { p1: writes(10, 40), c1: writes(60, 2) },
  })
  const disk = (target: string, change: Partial<Disk>): [string, Disk] => {
    const first = snapshot.disks.get(`${uuid}/vda`)
    if (first === undefined) throw new Error('no disk vda')
    return [`${uuid}/${target}`, { ...first, id: `${uuid}/${target}`, target, ...change }]
  }
  const disks = new Map([
    ...snapshot.disks,
    disk('vdb', { arrayKey: secondKey, metrics: ioMetrics(writes(30, 5)) }),
    disk('vdc', { metrics: ioMetrics(writes(900, 90)), removable: true }),
  ])
  const load = placed({ ...snapshot, disks }, storagePolicy()).loads.get('joined:the box')
  expect(load?.arrays.map(({ key }) => key)).toEqual([boxKey, secondKey])
  expect(load?.users).toHaveLength(2)
  expect(load?.users[0]).toMatchObject({
    bytesPerSecond: 40 * 65_536,
    requestsPerSecond: 40,
    work: 40 * 2 * 65_536,
    share: 0.4,
    disk: { target: 'vdb' },
    wait: { latencyMs: 40, disk: { target: 'vda' } },
  })
})
