import { describe, expect, it } from 'vitest'

import { policyOf } from '../../../test/support/policy-with.js'
import { buildSnapshot, type SnapshotRows, type VmRow } from '../../../test/support/snapshot-builder.js'
import type { Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Disk, Snapshot } from '../../model/snapshot.js'
import { fleetFindings } from '../fleet-findings.js'
import { placed } from '../../../test/support/placed.js'
import { policyFindings } from './policy-findings.js'

const classes = `
groups:
  - { name: core, class: core, match: ["c*"] }
  - { name: people, class: personal, match: ["p*"] }
`
const box = 'iscsi:iqn.box'
const other = 'rbd:1/pool'

const vm = (name: string, host = 'a', more: Partial<VmRow> = {}): VmRow => ({ name, host, memoryMiB: 1024, ...more })

function fleet(vms: readonly VmRow[], more: Partial<SnapshotRows> = {}): Snapshot {
  const hosts = ['a', 'b', 'c'].map((name) => ({ name, memoryMiB: 65_536 }))
  const arrays = [box, other].map((key) => ({ key, name: key, kind: 'shared' }))
  return buildSnapshot({ hosts, arrays, vms, ...more })
}

/** `severity check name: message` of what the policy's rules find. */
function found(snapshot: Snapshot, policy: Policy): string[] {
  return foundBy(snapshot, policy).map(inWords)
}

function foundBy(snapshot: Snapshot, policy: Policy): Finding[] {
  return policyFindings(placed(snapshot, policy))
}

function inWords({ severity, check, subject, message }: Finding): string {
  return `${severity} ${check} ${subject.name}: ${message}`
}

function withDisk(snapshot: Snapshot, vmName: string, change: Partial<Disk>): Snapshot {
  const one = [...snapshot.vms.values()].find(({ name }) => name === vmName)
  const disk = snapshot.disks.get(one?.diskIds[0] ?? '')
  if (disk === undefined) throw new Error(`no disk of ${vmName}`)
  return { ...snapshot, disks: new Map(snapshot.disks).set(disk.id, { ...disk, ...change }) }
}

/** A VM with one more disk, which is like its first but for the array. */
function withSecondDisk(snapshot: Snapshot, vmName: string, arrayKey: string): Snapshot {
  const one = [...snapshot.vms.values()].find(({ name }) => name === vmName)
  const first = snapshot.disks.get(one?.diskIds[0] ?? '')
  if (one === undefined || first === undefined) throw new Error(`no disk of ${vmName}`)
  const second = { ...first, id: `${one.uuid}/vdb`, target: 'vdb', arrayKey }
  return {
    ...snapshot,
    disks: new Map(snapshot.disks).set(second.id, second),
    vms: new Map(snapshot.vms).set(one.uuid, { ...one, diskIds: [...one.diskIds, second.id] }),
  }
}

describe('core-on-shared-storage', () => {
  const policy = policyOf(classes)
  const said =
    'warning core-on-shared-storage c1: a core VM on local storage of a (local:id-a:0): it is lost with the host and cannot move while it runs'

  it.each<[string, Snapshot, string[]]>([
    ['a core VM on a local disk', fleet([vm('c1')]), [said]],
    ['on a shared array', fleet([vm('c1', 'a', { array: box })]), []],
    ['personal on a local disk', fleet([vm('p1')]), []],
    ['without a class', fleet([vm('x1')]), []],
    ['shut off', fleet([vm('c1', 'a', { state: 'shutoff' })]), []],
    ['paused', fleet([vm('c1', 'a', { state: 'paused' })]), [said]],
    ['a CD-ROM on a local disk', withDisk(fleet([vm('c1')]), 'c1', { removable: true }), []],
    ['a disk that it may only read', withDisk(fleet([vm('c1')]), 'c1', { readOnly: true }), []],
    ['a disk of which nobody knows where it is', withDisk(fleet([vm('c1')]), 'c1', { arrayKey: '' }), []],
    [
      'a volume group that no array tells of',
      fleet([vm('c1', 'a', { array: 'lvm:vg' })]),
      [said.replace('local:id-a:0', 'lvm:vg')],
    ],
    [
      'a volume group that several hosts tell of',
      fleet([vm('c1', 'a', { array: 'lvm:vg' })], { arrays: [{ key: 'lvm:vg', name: 'vg', kind: 'lvm' }] }),
      [],
    ],
  ])('%s', (_what, snapshot, expected) => {
    expect(found(snapshot, policy)).toEqual(expected)
  })
})

describe('personal VMs near core VMs', () => {
  const policy = policyOf(`${classes}\narrays: [{ name: the box, match: "iscsi:*" }]`)
  const beside = (disks: string, severity = 'info'): string =>
    `${severity} personal-beside-core p1: a personal VM beside core VMs on a (c1 and c2); ${disks}`
  const core = [vm('c2', 'a', { array: box }), vm('c1', 'a', { array: box })]

  it.each<[string, Snapshot, string[]]>([
    ['beside them on a local disk', fleet([...core, vm('p1')]), [beside('its disks are local')]],
    [
      'beside them on another array',
      fleet([...core, vm('p1', 'a', { array: other })]),
      [beside(`its disks are on ${other}`, 'warning')],
    ],
    [
      'beside them on their array',
      fleet([...core, vm('p1', 'a', { array: box })]),
      [
        'warning personal-on-core-array p1: a personal VM on the box, which core VMs use (c1 and c2): its I/O slows theirs',
        beside('its disks are on the box', 'warning'),
      ],
    ],
    [
      'elsewhere on their array',
      fleet([...core, vm('p1', 'b', { array: box })]),
      [
        'warning personal-on-core-array p1: a personal VM on the box, which core VMs use (c1 and c2): its I/O slows theirs',
      ],
    ],
    ['elsewhere', fleet([...core, vm('p1', 'b')]), []],
    ['off', fleet([...core, vm('p1', 'a', { array: box, state: 'shutoff' })]), []],
    ['beside core VMs that are off', fleet([vm('c1', 'a', { array: box, state: 'crashed' }), vm('p1')]), []],
  ])('%s', (_what, snapshot, expected) => {
    expect(found(snapshot, policy)).toEqual(expected)
  })

  it('arrays that the policy joins are one', () => {
    const vms = [vm('c1', 'a', { array: 'iscsi:one' }), vm('p1', 'b', { array: 'iscsi:two' })]
    expect(found(fleet(vms), policy)).toEqual([])
    const joined = policyOf(`${classes}\narrays: [{ name: the box, match: "iscsi:*", join: true }]`)
    expect(found(fleet(vms), joined)).toHaveLength(1)
    // A VM with a disk on each of them is told of once.
    const both = withSecondDisk(fleet(vms), 'p1', 'iscsi:one')
    expect(placed(both, joined).arrangement.places.map(({ boxes }) => boxes.length)).toEqual([1, 1])
    expect(found(both, joined)).toHaveLength(1)
  })

  it('arrays that a rule names without joining them are named once', () => {
    const vms = [vm('c1', 'a', { array: other }), vm('p1', 'a', { array: 'iscsi:one' })]
    expect(found(withSecondDisk(fleet(vms), 'p1', 'iscsi:two'), policy)).toEqual([
      'warning personal-beside-core p1: a personal VM beside core VMs on a (c1); its disks are on the box',
    ])
    const disks = policyOf(`${classes}\narrays: [{ name: its disks, match: "local:*" }]`)
    expect(found(withSecondDisk(fleet([vm('c1')]), 'c1', 'local:id-a:1'), disks)).toEqual([
      'warning core-on-shared-storage c1: a core VM on local storage of a (its disks): it is lost with the host and cannot move while it runs',
    ])
  })

  it('names the victims, not all of a thousand', () => {
    const many = Array.from({ length: 1000 }, (_, at) => vm(`c${String(at).padStart(4, '0')}`, 'a', { array: box }))
    const [first] = foundBy(fleet([...many, vm('p1')]), policy)
    expect(first?.message).toContain('(c0000, c0001, c0002 and 997 more)')
    expect(first?.related).toHaveLength(20)
    expect(first?.related[0]).toMatchObject({ role: 'victim', subject: { kind: 'vm', name: 'c0000' } })
  })
})

describe('reserve-host-empty', () => {
  const policy = policyOf('hosts: [{ match: [b, c], role: reserve }]')

  it.each<[string, Snapshot, string[]]>([
    [
      'a VM of any class on it',
      fleet([vm('x', 'b'), vm('y', 'a')]),
      ['warning reserve-host-empty x: it runs on b, which is kept in reserve'],
    ],
    ['one that is off', fleet([vm('x', 'b', { state: 'shutoff' })]), []],
  ])('%s', (_what, snapshot, expected) => {
    expect(found(snapshot, policy)).toEqual(expected)
  })
})

describe('members of a service', () => {
  const services = `
services:
  - { name: dns, members: [ns, "ns-*"] }
  - { name: mail }
`
  const policy = policyOf(services)
  const onHost = (name: string, first: string, service = 'dns'): string =>
    `warning service-on-one-host ${name}: it and ${first}, of the same service ${service}, are both on a`
  const onArray = (name: string, first: string, array: string): string =>
    `warning service-on-one-array ${name}: it and ${first}, of the same service dns, both have disks on ${array}`

  it('on a box that joins local and shared arrays, with disks on both, are told once', () => {
    const joined = policyOf(`${services}\narrays: [{ name: all, match: "*", join: true }]`)
    const two = fleet([vm('ns', 'a', { array: box }), vm('ns-2', 'b', { array: box })])
    const both = withSecondDisk(withSecondDisk(two, 'ns', 'local:id-a:0'), 'ns-2', 'local:id-b:0')
    expect(found(both, joined)).toEqual([onArray('ns-2', 'ns', 'all')])
  })

  it.each<[string, Snapshot, string[]]>([
    ['on different hosts and arrays', fleet([vm('ns'), vm('ns-2', 'b')]), []],
    [
      'on one host and its disk',
      fleet([vm('ns-2'), vm('ns')]),
      [onHost('ns-2', 'ns'), onArray('ns-2', 'ns', 'local:id-a:0')],
    ],
    ['on one host', fleet([vm('ns', 'a', { array: box }), vm('ns-2')]), [onHost('ns-2', 'ns')]],
    [
      'on one array',
      fleet([vm('ns', 'a', { array: box }), vm('ns-2', 'b', { array: box })]),
      [onArray('ns-2', 'ns', box)],
    ],
    [
      'three on one array',
      fleet(['a', 'b', 'c'].map((host) => vm(`ns-${host}`, host, { array: box }))),
      [onArray('ns-b', 'ns-a', box), onArray('ns-c', 'ns-a', box)],
    ],
    [
      'one of them off, waiting',
      fleet([vm('ns', 'a', { array: box }), vm('ns-2', 'a', { state: 'shutoff' })]),
      [onHost('ns-2', 'ns')],
    ],
    [
      'by their own metadata',
      fleet([vm('z', 'a', { array: box, more: { service: 'mail' } }), vm('y', 'a', { more: { service: 'mail' } })]),
      [onHost('z', 'y', 'mail')],
    ],
    [
      'of a service that the policy does not name',
      fleet([vm('z', 'a', { more: { service: 'web' } }), vm('y', 'a', { more: { service: 'web' } })]),
      [],
    ],
  ])('%s', (_what, snapshot, expected) => {
    expect(found(snapshot, policy)).toEqual(expected)
  })

  it('name their partner', () => {
    const [first] = foundBy(fleet([vm('ns', 'a', { array: box }), vm('ns-2')]), policy)
    expect(first).toMatchObject({
      part: expect.stringContaining('6e73'),
      related: [{ role: 'partner', subject: { name: 'ns' } }],
    })
  })
})

describe('apart-on-one-host', () => {
  const policy = policyOf('apart:\n  - [m1, m2, "db*"]\n  - [m2, m1]\n  - ["db*"]')
  const said = (name: string, first: string): string =>
    `warning apart-on-one-host ${name}: it and ${first} are to run on different hosts; both are on a`

  it.each<[string, Snapshot, string[]]>([
    ['on different hosts', fleet([vm('m1'), vm('m2', 'b'), vm('db1', 'c')]), []],
    ['two on one', fleet([vm('m2'), vm('m1')]), [said('m2', 'm1'), said('m1', 'm2')]],
    [
      'by a pattern, in the order of the policy',
      fleet([vm('db2'), vm('db1'), vm('m1')]),
      [said('db1', 'm1'), said('db2', 'm1'), said('db2', 'db1')],
    ],
    ['one is off', fleet([vm('m1'), vm('db1', 'a', { state: 'shutoff' })]), []],
  ])('%s', (_what, snapshot, expected) => {
    expect(found(snapshot, policy)).toEqual(expected)
  })

  it('a pair that two lists name is told once', () => {
    const twice = policyOf('apart:\n  - [m1, m2]\n  - [m1, m2, m3]')
    expect(found(fleet([vm('m1'), vm('m2')]), twice)).toEqual([said('m2', 'm1')])
  })
})

describe('limits', () => {
  it.each<[string, string, Snapshot, string[]]>([
    [
      'memory above that of the class',
      'classMemory: { core: 512MiB }',
      fleet([vm('c1', 'a', { array: box }), vm('p1', 'b'), vm('x', 'b')]),
      ['info memory-above-class-limit c1: it may grow to 1 GiB; a VM of the class core is to have 512 MiB at most'],
    ],
    ['memory at the limit', 'classMemory: { core: 1GiB }', fleet([vm('c1', 'a', { array: box })]), []],
    [
      'memory that is not known',
      'classMemory: { core: 1MiB }',
      fleet([vm('c1', 'a', { array: box, memoryMiB: null })]),
      [],
    ],
    [
      'more virtual CPUs than allowed',
      'vcpusPerCore: 0.5',
      fleet([vm('x'), vm('y'), vm('z')]),
      ['warning vcpu-overcommit a: its VMs have 3 virtual CPUs on 4 cores, 0.8 for each; the policy allows 0.5'],
    ],
    ['as many as allowed', 'vcpusPerCore: 0.5', fleet([vm('x'), vm('y')]), []],
    [
      'cores that are not known',
      'vcpusPerCore: 0.1',
      fleet([vm('x')], { hosts: [{ name: 'a', memoryMiB: 1, more: { cpuCores: undefined } }] }),
      [],
    ],
  ])('%s', (_what, limits, snapshot, expected) => {
    expect(found(snapshot, policyOf(`limits: { ${limits} }${classes}`))).toEqual(expected)
  })

  it('configured beyond all memory is over-commit, not a deep reach into the reserve', () => {
    const hosts = [{ name: 'a', memoryMiB: 3000 }]
    const { stands } = fleetFindings(fleet([vm('x'), vm('y'), vm('z')], { hosts }), policyOf(''))
    expect(stands.map(inWords)).toContain(
      'warning memory-overcommit a: its VMs may grow to 72 MiB more than all its memory (2.93 GiB); nothing is left for the hypervisor',
    )
    expect(stands.map(({ check }) => check)).not.toContain('into-reserve')
  })
})

describe('exceptions', () => {
  const rules = `${classes}
services: [{ name: s, members: [c1, c2] }]
exceptions:
  - { vm: "c1", rule: core-on-shared-storage, reason: on purpose }
  - { host: b, rule: core-on-shared-storage, reason: no array there }
  - { vm: c1, rule: service-on-one-host, reason: only one host is large enough }
  - { host: "*", rule: lost-with-host, reason: known }
`

  it('for a VM, for a host and all on it, for a pair by either', () => {
    const { stands, excepted } = fleetFindings(fleet([vm('c1'), vm('c2'), vm('c3', 'b')]), policyOf(rules))
    expect(stands.map(({ check, subject }) => `${check} ${subject.name}`)).toEqual([
      'core-on-shared-storage c2',
      'service-on-one-array c2',
    ])
    expect(
      excepted.map(({ finding, key, reason }) => `${key} ${finding.check} ${finding.subject.name}: ${reason}`),
    ).toEqual([
      'exceptions.3 lost-with-host a: known',
      'exceptions.3 lost-with-host b: known',
      'exceptions.0 core-on-shared-storage c1: on purpose',
      'exceptions.1 core-on-shared-storage c3: no array there',
      'exceptions.2 service-on-one-host c2: only one host is large enough',
    ])
  })

  it('a severity of the policy counts in place of the check’s', () => {
    const graded = policyOf('thresholds: { lost-with-host: { severity: critical } }')
    expect(fleetFindings(fleet([vm('x')]), graded).stands.map(({ severity }) => severity)).toEqual(['critical'])
  })
})
