import { describe, expect, it } from 'vitest'

import { policyWith } from '../../test/support/policy-with.js'
import { buildSnapshot, MiB, type HostRow, type VmRow } from '../../test/support/snapshot-builder.js'
import { capacity, type HostCapacity } from './capacity.js'

const policy = policyWith({ limits: { hostReserveBytes: 0 } })

/** The row of host `a`. */
function failureOfA(hosts: readonly HostRow[], vms: readonly VmRow[]): HostCapacity | undefined {
  return capacity(buildSnapshot({ hosts, vms }), policy).hosts.find(({ host }) => host.name === 'a')
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
    expect(failure).toEqual({ neededBytes: 2560 * MiB, freeBytes: 3072 * MiB, fits: false, unplaced: ['large'] })
    const { findings } = capacity(buildSnapshot({ hosts, vms: [vm('large', 2048), vm('small', 512)] }), policy)
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
})
