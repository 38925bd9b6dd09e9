import { describe, expect, it } from 'vitest'

import { capacityOf } from '../../test/support/placed.js'
import { policyWith } from '../../test/support/policy-with.js'
import { buildSnapshot, MiB, type HostRow, type VmRow } from '../../test/support/snapshot-builder.js'
import type { HostCapacity } from './capacity.js'

const policy = policyWith({ limits: { hostReserveBytes: 0 } })

/** The row of host `a`. */
function failureOfA(hosts: readonly HostRow[], vms: readonly VmRow[]): HostCapacity | undefined {
  return capacityOf(buildSnapshot({ hosts, vms }), policy).hosts.find(({ host }) => host.name === 'a')
}

const vm = (name: string, memoryMiB: number | null, host = 'a'): VmRow => ({ name, host, memoryMiB })

describe('failure of a host', () => {
  it.each<[string, Partial<HostRow>, boolean]>([
    ['an equal host', {}, true],
    ['another version', { version: '9.0.1' }, false],
    ['another kind', { kind: 'xen' }, false],
    ['a version not known', { version: '' }, false],
    ['a silent host', { status: 'silent' }, false],
    ['an unreachable host', { status: 'unreachable' }, false],
    ['a host of unknown memory', { memoryMiB: null }, false],
    ['a host with too little', { memoryMiB: 2047 }, false],
  ])('%s as the only other', (_, other, fits) => {
    const row = failureOfA(
      [
        { name: 'a', memoryMiB: 4096 },
        { name: 'b', memoryMiB: 2048, ...other },
      ],
      [vm('one', 1024), vm('two', 1024)],
    )
    expect(row?.failure.fits).toBe(fits)
  })

  it('does not match two hosts whose version is not known', () => {
    const hosts = [
      { name: 'a', memoryMiB: 4096, version: '' },
      { name: 'b', memoryMiB: 4096, version: '' },
    ]
    expect(failureOfA(hosts, [vm('one', 1024)])?.failure).toMatchObject({ fits: false, freeBytes: 0 })
  })

  it('packs: sums alone do not lie', () => {
    const hosts = [
      { name: 'a', memoryMiB: 4096 },
      { name: 'b', memoryMiB: 1536 },
      { name: 'c', memoryMiB: 1536 },
    ]
    const failure = failureOfA(hosts, [vm('large', 2048), vm('small', 512)])?.failure
    expect(failure).toMatchObject({ neededBytes: 2560 * MiB, freeBytes: 3072 * MiB, fits: false, unplaced: ['large'] })
    const { findings } = capacityOf(buildSnapshot({ hosts, vms: [vm('large', 2048), vm('small', 512)] }), policy)
    expect(findings.find(({ check }) => check === 'host-failure')?.message).toContain('in pieces too small')
  })

  it('puts each VM into the smallest space that takes it', () => {
    const hosts = [
      { name: 'a', memoryMiB: 8192 },
      { name: 'b', memoryMiB: 3072 },
      { name: 'c', memoryMiB: 2048 },
    ]
    // In order of arrival into the first space the last VM would be left over.
    expect(failureOfA(hosts, [vm('one', 1024), vm('two', 2048), vm('three', 2048)])?.failure.fits).toBe(true)
  })

  it('cannot be said to be survived where a VM has no known size', () => {
    const hosts = [
      { name: 'a', memoryMiB: 8192 },
      { name: 'b', memoryMiB: 65_536 },
    ]
    expect(failureOfA(hosts, [vm('one', 1024), vm('riddle', null)])?.failure).toMatchObject({
      fits: false,
      unplaced: ['riddle'],
    })
  })

  it('of an empty host is survived, even of a single one', () => {
    expect(failureOfA([{ name: 'a', memoryMiB: 1024 }], [])?.failure).toMatchObject({ fits: true, neededBytes: 0 })
  })

  describe('with disks on its own storage', () => {
    const box = 'iscsi:iqn.box'
    const hosts = [
      { name: 'a', memoryMiB: 8192 },
      { name: 'b', memoryMiB: 2048 },
    ]
    const shared = (name: string, memoryMiB: number): VmRow => ({ name, host: 'a', memoryMiB, array: box })

    it.each<[string, readonly VmRow[], object, object, string]>([
      [
        'what can start elsewhere fits, the rest is lost',
        [shared('s', 2048), vm('l1', 512), vm('l2', 1024)],
        { neededBytes: 2048 * MiB, fits: true, unplaced: [] },
        { bytes: 1536 * MiB, names: ['l2', 'l1'] },
        '1.5 GiB short; those on shared storage need 2 GiB and fit',
      ],
      [
        'what can start elsewhere does not fit',
        [shared('s', 4096), vm('l1', 512)],
        { neededBytes: 4096 * MiB, fits: false, unplaced: ['s'] },
        { bytes: 512 * MiB, names: ['l1'] },
        '2.5 GiB short; those on shared storage need 4 GiB, 2 GiB short',
      ],
      [
        'a size is not known',
        [shared('s', 1024), { ...shared('riddle', 1), memoryMiB: null }, vm('l1', 4096)],
        { neededBytes: 1024 * MiB, fits: false, unplaced: ['riddle'] },
        { bytes: 4096 * MiB, names: ['l1'] },
        '3 GiB short; those on shared storage need 1 GiB and do not all fit either: riddle',
      ],
      [
        'nothing can start elsewhere',
        [vm('l1', 4096)],
        { neededBytes: 0, fits: true, unplaced: [] },
        { bytes: 4096 * MiB, names: ['l1'] },
        '2 GiB short; all of them are on its local disks',
      ],
      [
        'all is on shared storage',
        [shared('s', 4096)],
        { neededBytes: 4096 * MiB, fits: false, unplaced: ['s'] },
        { bytes: 0, names: [] },
        '4 GiB, 2 GiB is free on equal hypervisors, 2 GiB short',
      ],
    ])('%s', (_what, vms, restartable, lost, end) => {
      const row = failureOfA(hosts, vms)
      expect(row?.failure).toMatchObject({ restartable, lost })
      const { findings } = capacityOf(buildSnapshot({ hosts, vms }), policy)
      const said = (check: string): string =>
        findings.find((one) => one.check === check && one.subject.name === 'a')?.message ?? ''
      expect(said('host-failure').endsWith(end)).toBe(true)
      expect(said('lost-with-host') === '').toBe(row?.failure.lost.names.length === 0)
    })

    it('a VM that is lost is told of where all would fit by memory', () => {
      const { findings } = capacityOf(buildSnapshot({ hosts, vms: [vm('l1', 512)] }), policy)
      expect(findings.map(({ check, message }) => [check, message])).toEqual([
        ['lost-with-host', 'if it fails, l1 (512 MiB) cannot start elsewhere until its local disks are moved'],
      ])
    })

    it('a VM with a disk on each is lost', () => {
      const snapshot = buildSnapshot({ hosts, vms: [shared('s', 512)] })
      const [disk] = snapshot.disks.values()
      const [one] = snapshot.vms.values()
      if (disk === undefined || one === undefined) throw new Error('no VM')
      const second = { ...disk, id: `${one.uuid}/vdb`, target: 'vdb', arrayKey: 'local:id-a:1' }
      const both = {
        ...snapshot,
        disks: new Map(snapshot.disks).set(second.id, second),
        vms: new Map([[one.uuid, { ...one, diskIds: [disk.id, second.id] }]]),
      }
      expect(capacityOf(both, policy).hosts[0]?.failure.lost.names).toEqual(['s'])
    })
  })
})
