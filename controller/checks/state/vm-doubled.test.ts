import { describe, expect, it } from 'vitest'

import { policyOf } from '../../../test/support/policy-with.js'
import { buildSnapshot, hostIdOf, uuidOf } from '../../../test/support/snapshot-builder.js'
import type { Placement, Snapshot } from '../../model/snapshot.js'
import { fleetFindings } from '../fleet-findings.js'
import { vmDoubled } from './vm-doubled.js'

function running(...on: readonly string[]): Snapshot {
  return buildSnapshot({
    hosts: ['b', 'a', 'c'].map((name) => ({ name, memoryMiB: 8192 })),
    vms: [{ name: 'mail', host: 'a', memoryMiB: 1024 }],
    placements: [
      { vmUuid: uuidOf('mail'), hostId: hostIdOf('a'), runningOn: on.map(hostIdOf), doubled: on.length > 1 },
      // It has left the snapshot.
      { vmUuid: 'gone', hostId: hostIdOf('a'), runningOn: ['a', 'b'], doubled: true },
    ],
  })
}

describe('a VM', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['on one host', ['a'], []],
    ['on none', [], []],
    ['on two hosts', ['b', 'a'], ['it runs on a and b at once; what both write to a shared disk destroys it']],
    ['on three', ['c', 'b', 'a'], ['it runs on a, b and c at once; what both write to a shared disk destroys it']],
  ])('that runs %s', (_, on, expected) => {
    expect(vmDoubled(running(...on)).map(({ message }) => message)).toEqual(expected)
  })

  it('that is doubled is named with its hosts', () => {
    expect(vmDoubled(running('b', 'a'))).toMatchObject([
      {
        check: 'vm-doubled',
        severity: 'critical',
        subject: { kind: 'vm', id: uuidOf('mail'), name: 'mail' },
        strength: 'raise',
        evidence: [{ entityKind: 'vm', entityId: uuidOf('mail'), field: 'running', value: 2, limit: 1 }],
        related: [
          { role: 'partner', subject: { kind: 'host', name: 'a' } },
          { role: 'partner', subject: { kind: 'host', name: 'b' } },
        ],
      },
    ])
  })

  it('that runs on a host which is not heard of any more may be doubled still: nothing new, and no end', () => {
    const on = (host: string, runs: boolean): NonNullable<Placement['copies']>[number] => {
      return { hostId: hostIdOf(host), name: 'mail', runs }
    }
    const placed = (copies: Placement['copies']): Snapshot => {
      const snapshot = running('a')
      const [first, ...rest] = [...snapshot.placements]
      if (first === undefined || copies === undefined) throw new Error('no placement')
      return { ...snapshot, placements: new Map([[first[0], { ...first[1], copies }], ...rest]) }
    }
    expect(vmDoubled(placed([on('a', true), on('b', true)]))).toMatchObject([
      { strength: 'keep', related: [{ subject: { name: 'a' } }, { subject: { name: 'b' } }] },
    ])
    expect(vmDoubled(placed([on('a', true), on('b', false)]))).toEqual([])
  })

  it.each(['vm: mail', 'host: a', 'host: b'])('is excepted by %s', (whom) => {
    const policy = policyOf(`exceptions: [{ ${whom}, rule: vm-doubled, reason: a test of it }]`)
    const { stands, excepted } = fleetFindings(running('a', 'b'), policy)
    expect(stands.filter(({ check }) => check === 'vm-doubled')).toEqual([])
    expect(excepted.map(({ reason }) => reason)).toEqual(['a test of it'])
  })
})
