import { describe, expect, it } from 'vitest'

import { placed } from '../../../test/support/placed.js'
import { policyOf } from '../../../test/support/policy-with.js'
import { buildSnapshot, builtAt, hostIdOf, uuidOf, type VmRow } from '../../../test/support/snapshot-builder.js'
import { formatMoment } from '../../../common/units.js'
import { findingKey, type Finding } from '../../model/finding.js'
import { noChanges } from '../../model/recent-changes.js'
import type { Nic, Placement, Snapshot, VmState } from '../../model/snapshot.js'
import { fleetFindings } from '../fleet-findings.js'
import { definitionChanged } from './definition-changed.js'
import { duplicateMac } from './duplicate-mac.js'
import { duplicateUuid } from './duplicate-uuid.js'

const policy = policyOf('')

function said(findings: readonly Finding[]): string[] {
  return findings.map(({ severity, subject, part, message }) => `${severity} ${subject.name} ${part}: ${message}`)
}

function fleet(vms: readonly VmRow[], placements: readonly Placement[] = []): Snapshot {
  const hosts = [
    ...['a', 'b'].map((name) => ({ name, memoryMiB: 8192 })),
    { name: 'dark', memoryMiB: 1, status: 'silent' as const },
  ]
  return buildSnapshot({ hosts, vms, placements })
}

const mac = '52:54:00:00:00:01'
const nic = (address: string, network = 'lan'): Nic => ({
  device: 'vnet0',
  mac: address,
  network,
  model: '',
  metrics: {},
})
const vm = (name: string, nics: readonly Nic[] = [], state: VmState = 'running', host = 'a'): VmRow => {
  return { name, host, memoryMiB: 1024, state, more: { nics } }
}

describe('duplicate-mac', () => {
  it.each<[string, readonly VmRow[], string[]]>([
    ['none', [vm('x', [nic(mac)]), vm('y', [nic('52:54:00:00:00:02')])], []],
    [
      'of two, in either case of letters',
      [vm('y', [nic('52:54:00:AB:00:01')]), vm('x', [nic('52:54:00:ab:00:01')], 'blocked', 'b')],
      [
        'warning y 52:54:00:ab:00:01: it has the MAC address 52:54:00:ab:00:01 of x, on lan; on one network neither is reached for sure',
      ],
    ],
    [
      'of three',
      ['z', 'x', 'y'].map((name) => vm(name, [nic(mac)])),
      ['y', 'z'].map(
        (name) =>
          `warning ${name} ${mac}: it has the MAC address ${mac} of x, on lan; on one network neither is reached for sure`,
      ),
    ],
    [
      'on two networks',
      [vm('x', [nic(mac, 'lan')]), vm('y', [nic(mac, 'dmz')])],
      [
        `warning y ${mac}: it has the MAC address ${mac} of x, on dmz and lan; on one network neither is reached for sure`,
      ],
    ],
    [
      'on networks that are not known',
      [vm('x', [nic(mac, '')]), vm('y', [nic(mac, '')])],
      [`warning y ${mac}: it has the MAC address ${mac} of x; on one network neither is reached for sure`],
    ],
    ['of one that is off', [vm('x', [nic(mac)]), vm('y', [nic(mac)], 'shutoff')], []],
    ['twice in one VM', [vm('x', [nic(mac), nic(mac, 'dmz')])], []],
    [
      'twice in one VM, and in another',
      [vm('x', [nic(mac)]), vm('y', [nic(mac), nic(mac)])],
      [`warning y ${mac}: it has the MAC address ${mac} of x, on lan; on one network neither is reached for sure`],
    ],
    ['addresses that are not known', [vm('x', [nic('')]), vm('y', [nic('')])], []],
  ])('%s', (_, vms, expected) => {
    expect(said(duplicateMac(placed(fleet(vms), policy).arrangement))).toEqual(expected)
  })

  it('names the other, and is excepted by either', () => {
    const snapshot = fleet([vm('x', [nic(mac)]), vm('y', [nic(mac)])])
    expect(duplicateMac(placed(snapshot, policy).arrangement)[0]?.related).toEqual([
      { role: 'partner', subject: { kind: 'vm', id: uuidOf('x'), name: 'x' } },
    ])
    for (const name of ['x', 'y']) {
      const excepting = policyOf(`exceptions: [{ vm: ${name}, rule: duplicate-mac, reason: a pair that fails over }]`)
      expect(fleetFindings(snapshot, excepting).excepted.map(({ finding }) => finding.check)).toEqual(['duplicate-mac'])
    }
  })
})

describe('duplicate-uuid', () => {
  const place = (copies: Placement['copies'], runningOn: readonly string[] = ['a']): Placement => ({
    vmUuid: uuidOf('mail'),
    hostId: hostIdOf('a'),
    runningOn: runningOn.map(hostIdOf),
    doubled: runningOn.length > 1,
    ...(copies !== undefined && { copies }),
  })
  const copy = (host: string, name: string): NonNullable<Placement['copies']>[number] => ({
    hostId: hostIdOf(host),
    name,
    runs: false,
  })
  it.each<[string, Placement, string[]]>([
    ['of one host', place(undefined), []],
    [
      'left behind',
      place([copy('a', 'mail'), copy('b', 'mail')]),
      ['info mail : it is defined on b too; started there it would run twice'],
    ],
    [
      'of two VMs',
      place([copy('b', 'web'), copy('a', 'mail')]),
      ['warning mail : several VMs have its UUID: mail on a, web on b; give all but one a UUID of their own'],
    ],
    [
      'of two VMs that run',
      place([copy('b', 'web'), copy('a', 'mail')], ['a', 'b']),
      ['warning mail : several VMs have its UUID: mail on a, web on b; give all but one a UUID of their own'],
    ],
    ['that runs twice', place([copy('b', 'mail'), copy('a', 'mail')], ['a', 'b']), []],
  ])('%s', (_, placement, expected) => {
    expect(said(duplicateUuid(fleet([vm('mail')], [placement])))).toEqual(expected)
  })

  it('raises nothing and ends nothing while one of the hosts is silent', () => {
    const found = duplicateUuid(fleet([vm('mail')], [place([copy('a', 'mail'), copy('dark', 'web')])]))
    expect(found).toMatchObject([{ strength: 'keep', severity: 'warning' }])
  })

  it('is excepted by one of the hosts', () => {
    const snapshot = fleet([vm('mail')], [place([copy('a', 'mail'), copy('b', 'web')])])
    const excepting = policyOf('exceptions: [{ host: b, rule: duplicate-uuid, reason: a copy for tests }]')
    expect(fleetFindings(snapshot, excepting).excepted.map(({ finding }) => finding.check)).toEqual(['duplicate-uuid'])
  })
})

describe('definition-changed', () => {
  const changed = (agoMs: number): { readonly changes: typeof noChanges } => ({
    changes: {
      ...noChanges,
      redefined: new Map([[uuidOf('mail'), { atMs: builtAt - agoMs, changes: ['vCPUs 1 → 2', 'disk vdb is new'] }]]),
    },
  })
  const day = 86_400_000
  it.each<[string, number, readonly VmRow[], string[]]>([
    [
      'within a day',
      day,
      [vm('mail')],
      [
        `info mail ${formatMoment(builtAt - day)}: it is made of other things than before: vCPUs 1 → 2, disk vdb is new`,
      ],
    ],
    ['longer ago', day + 1, [vm('mail')], []],
    ['of a VM that is gone', 0, [], []],
  ])('%s', (_, agoMs, vms, expected) => {
    expect(said(definitionChanged(fleet(vms), policy, changed(agoMs)))).toEqual(expected)
  })

  it('is one for as long as it is said, and a second change within the day is another', () => {
    const keysAt = (afterMs: number, agoMs: number): string[] =>
      definitionChanged({ ...fleet([vm('mail')]), at: builtAt + afterMs }, policy, changed(agoMs)).map(findingKey)
    const [first, later, second] = [keysAt(0, 600_000), keysAt(600_000, 600_000), keysAt(600_000, 0)]
    expect(first).toHaveLength(1)
    expect(later).toEqual(first)
    expect(second).not.toEqual(first)
  })

  it('is not known where nobody remembers, and excepted by the VM', () => {
    expect(definitionChanged(fleet([vm('mail')]), policy, {})).toEqual([])
    const excepting = policyOf('exceptions: [{ vm: mail, rule: definition-changed, reason: it grows by itself }]')
    expect(fleetFindings(fleet([vm('mail')]), excepting, changed(0)).excepted).toHaveLength(1)
  })
})
