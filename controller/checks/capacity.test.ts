import { describe, expect, it } from 'vitest'

import { elabSnapshot } from '../../test/support/elab-fleet.js'
import { capacityOf } from '../../test/support/placed.js'
import { policyWith } from '../../test/support/policy-with.js'
import {
  buildSnapshot,
  hostIdOf,
  known,
  MiB,
  uuidOf,
  withVm,
  type HostRow,
  type VmRow,
} from '../../test/support/snapshot-builder.js'
import { subjectText } from '../model/finding.js'
import type { Policy } from '../model/policy.js'
import type { VmState } from '../model/snapshot.js'
import type { Capacity } from './capacity.js'

function policy(reserveMiB: number, vmMiB = 1024, hosts: Policy['hosts'] = []): Policy {
  return policyWith({ limits: { vmMemoryBytes: vmMiB * MiB, hostReserveBytes: reserveMiB * MiB }, hosts })
}

/** `name → room, spare, short` in MiB. */
function rooms({ hosts }: Capacity): Record<string, readonly number[] | string> {
  return Object.fromEntries(
    hosts.map(({ host, ledger: { balance } }) => [
      host.name,
      'absent' in balance ? balance.absent : [balance.room, balance.spareBytes / MiB, balance.shortOfNextBytes / MiB],
    ]),
  )
}

describe('the elab fleet', () => {
  it('has rooms 0, 0, 4, 1 with a reserve of 2 GiB; 8 in all', () => {
    const result = capacityOf(elabSnapshot(), policy(2048))
    expect(rooms(result)).toEqual({
      esxhv01: [3, 3072, 1024],
      xenhv01: [0, -512, 1536],
      xenhv02: [0, 0, 1024],
      xenhv03: [4, 4096, 1024],
      xenhv04: [1, 1024, 1024],
    })
    expect(result.fleet).toEqual({ room: 8, survivesHostFailure: false })
  })

  it('has rooms 0, 1, 5, 2 with a reserve of 1 GiB; 12 in all', () => {
    const result = capacityOf(elabSnapshot(), policy(1024))
    expect(rooms(result)).toMatchObject({
      esxhv01: [4, 4096, 1024],
      xenhv01: [0, 512, 512],
      xenhv02: [1, 1024, 1024],
      xenhv03: [5, 5120, 1024],
      xenhv04: [2, 2048, 1024],
    })
    expect(result.fleet.room).toBe(12)
  })

  it('survives the failure of no host: needed > free', () => {
    const { hosts } = capacityOf(elabSnapshot(), policy(2048))
    const rows = hosts.map(({ host, failure }) => [
      host.name,
      failure.neededBytes / MiB,
      failure.freeBytes / MiB,
      failure.fits,
    ])
    expect(rows).toEqual([
      ['esxhv01', 3072, 0, false],
      ['xenhv01', 6656, 5120, false],
      ['xenhv02', 6144, 5120, false],
      ['xenhv03', 2048, 1024, false],
      ['xenhv04', 13_312, 4096, false],
    ])
  })

  it('says so of each host', () => {
    const { findings } = capacityOf(elabSnapshot(), policy(2048))
    expect(findings.map(({ check, severity, subject }) => `${severity} ${check} ${subjectText(subject)}`)).toEqual([
      'warning host-failure host:esxhv01',
      'info lost-with-host host:esxhv01',
      'warning into-reserve host:xenhv01',
      'warning host-failure host:xenhv01',
      'info lost-with-host host:xenhv01',
      'info no-room host:xenhv02',
      'warning host-failure host:xenhv02',
      'info lost-with-host host:xenhv02',
      'warning host-failure host:xenhv03',
      'info lost-with-host host:xenhv03',
      'warning host-failure host:xenhv04',
      'info lost-with-host host:xenhv04',
    ])
  })

  it('keeps the source and moment of each figure in the ledger', () => {
    const ledger = capacityOf(elabSnapshot(), policy(2048)).hosts[3]?.ledger
    expect(ledger).toMatchObject({
      memory: { value: 8192 * MiB, source: 'hypervisor' },
      reserveBytes: 2048 * MiB,
      configuredBytes: 2048 * MiB,
      configuredAt: elabSnapshot().at,
    })
  })
})

describe('room', () => {
  const one = (host: Partial<HostRow>, vms: readonly Partial<VmRow>[] = [], rules = policy(2048)): Capacity =>
    capacityOf(
      buildSnapshot({
        hosts: [{ name: 'a', memoryMiB: 8192, ...host }],
        vms: vms.map((vm, index) => ({ name: `v${index}`, host: 'a', memoryMiB: 1024, ...vm })),
      }),
      rules,
    )

  it.each<[VmState, number]>([
    ['running', 5],
    ['blocked', 5],
    ['paused', 5],
    ['suspended', 5],
    ['shutting-down', 5],
    ['unknown', 5],
    ['shutoff', 6],
    ['crashed', 6],
  ])('a VM that is %s leaves room for %i', (state, room) => {
    expect(rooms(one({}, [{ state }]))).toMatchObject({ a: [room, room * 1024, 1024] })
  })

  it('says a near miss', () => {
    const result = one({ memoryMiB: 6142 })
    expect(rooms(result)).toEqual({ a: [3, 4094, 2] })
    expect(
      result.findings.map(({ check, severity, subject, message }) => [check, severity, subjectText(subject), message]),
    ).toEqual([['near-miss', 'info', 'host:a', 'room for 3; 2 MiB short of 4']])
  })

  it('has no figure where the memory of the host or of one VM is not known', () => {
    expect(rooms(one({ memoryMiB: null }))).toEqual({ a: 'memory of the host: not reported' })
    const result = one({}, [{ memoryMiB: null }, {}])
    expect(rooms(result)).toEqual({ a: 'memory of the VM v0 is not known' })
    expect(result.fleet).toEqual({ room: 0, survivesHostFailure: false })
    expect(result.findings[0]).toMatchObject({ check: 'room-unknown', severity: 'warning' })
  })

  it.each(['silent', 'unreachable'] as const)('that is %s is found so, whatever is known of its memory', (status) => {
    for (const memoryMiB of [8192, null]) {
      const [first] = one({ memoryMiB, status }).findings
      expect(first).toMatchObject({ check: `host-${status}`, severity: 'critical' })
    }
  })

  it.each<[string, Partial<HostRow>, number | undefined, boolean]>([
    ['the same', {}, 8192, false],
    ['a little that firmware took', {}, 8100, false],
    ['a container of half the size', {}, 4096, true],
    ['another machine, larger', {}, 16_384, true],
    ['dom0, which is small', { kind: 'xen' }, 1024, false],
    ['nothing yet', {}, undefined, false],
    ['something, and the hypervisor nothing', { memoryMiB: null }, 8192, false],
  ])('says if the agent sees another machine than the hypervisor does: %s', (_what, host, seenMiB, isSaid) => {
    const metrics = seenMiB === undefined ? {} : { memoryBytes: known(seenMiB * MiB) }
    const { findings } = one({ ...host, more: { metrics } })
    const said = findings.filter(({ check }) => check === 'memory-contradiction')
    const inWords = said.map(({ severity, subject, message }) => [
      severity,
      subjectText(subject),
      message.includes('manages 8 GiB'),
    ])
    expect(inWords).toEqual(isSaid ? [['warning', 'host:a', true]] : [])
  })

  it('does not need to know the memory of a VM that is off', () => {
    expect(rooms(one({}, [{ memoryMiB: null, state: 'shutoff' }]))).toMatchObject({ a: [6, 6144, 1024] })
  })

  it('takes what a VM has now where its limit is not known', () => {
    const snapshot = buildSnapshot({
      hosts: [{ name: 'a', memoryMiB: 8192 }],
      vms: [{ name: 'v', host: 'a', memoryMiB: 1024 }],
    })
    const vm = snapshot.vms.get(uuidOf('v'))
    const without = withVm(snapshot, 'v', { metrics: { ...vm?.metrics, memoryMaxBytes: { absent: 'not read' } } })
    expect(rooms(capacityOf(without, policy(2048)))).toMatchObject({ a: [5, 5120, 1024] })
  })

  it('of a host that is not up is shown, not counted', () => {
    for (const status of ['silent', 'unreachable'] as const) {
      const result = one({ status })
      expect(rooms(result)).toMatchObject({ a: [6, 6144, 1024] })
      expect(result.fleet.room).toBe(0)
      expect(result.findings[0]?.message).toBe(`the host is ${status}; its last known room (6) does not count`)
    }
  })

  it('of a host that is not up names the VMs that are concerned', () => {
    const [found] = one({ status: 'silent' }, [{}, {}, { state: 'shutoff' }]).findings
    expect(found?.message).toBe('the host is silent; on it: v0 and v1; its last known room (4) does not count')
    expect(found?.related.map(({ role, subject }) => `${role} ${subjectText(subject)}`)).toEqual([
      'victim vm:v0',
      'victim vm:v1',
    ])
  })

  it('takes the reserve of the first rule that matches', () => {
    const rules = policy(2048, 1024, [{ match: ['a*'], role: undefined, reserveBytes: 4096 * MiB }])
    expect(rooms(one({}, [], rules))).toMatchObject({ a: [4, 4096, 1024] })
  })

  it('counts a doubled VM on both hosts', () => {
    const snapshot = buildSnapshot({
      hosts: [
        { name: 'a', memoryMiB: 8192 },
        { name: 'b', memoryMiB: 8192 },
      ],
      vms: [{ name: 'v', host: 'a', memoryMiB: 1024 }],
      placements: [
        { vmUuid: uuidOf('v'), hostId: hostIdOf('a'), runningOn: [hostIdOf('a'), hostIdOf('b')], doubled: true },
      ],
    })
    expect(rooms(capacityOf(snapshot, policy(2048)))).toMatchObject({ a: [5, 5120, 1024], b: [5, 5120, 1024] })
  })
})

describe('a storage server', () => {
  const version = 'kvm 9.0.0'
  const rows = [
    { name: 'hv1', memoryMiB: 8192, version },
    { name: 'hv2', memoryMiB: 8192, version },
  ]
  // A version of its own would be no reason to move VMs there.
  const server: HostRow = { name: 'array1', kind: 'storage', memoryMiB: 65_536, version }
  const vms: VmRow[] = [{ name: 'big', host: 'hv1', memoryMiB: 7168, array: 'iscsi:a' }]
  const arrays = [{ key: 'iscsi:a', name: 'a', kind: 'iscsi' }]
  const judged = (hosts: readonly HostRow[]): Capacity =>
    capacityOf(buildSnapshot({ hosts, vms, arrays }), policy(2048))

  it('is no place for VMs: room, what a failure leaves and what is found are as without it', () => {
    const [without, beside] = [judged(rows), judged([...rows, server])]
    expect(rooms(beside)).toEqual(rooms(without))
    expect(beside.fleet).toEqual(without.fleet)
    expect(beside.hosts.map(({ failure }) => failure)).toEqual(without.hosts.map(({ failure }) => failure))
    expect(beside.findings).toEqual(without.findings)
    expect(beside.storageServers.map(({ host, ledger }) => [host.name, ledger.reserveBytes, ledger.balance])).toEqual([
      ['array1', 0, { absent: 'a storage server is no place for VMs' }],
    ])
  })

  it('that is silent is told, without a room', () => {
    const { findings } = judged([...rows, { ...server, status: 'silent' }])
    expect(findings.filter(({ subject }) => subject.name === 'array1')).toMatchObject([
      { check: 'host-silent', severity: 'critical', message: 'the host is silent' },
    ])
  })
})
