import { describe, expect, it } from 'vitest'

import { policyOf } from '../../../test/support/policy-with.js'
import { buildSnapshot, builtAt, hostIdOf, uuidOf } from '../../../test/support/snapshot-builder.js'
import { noChanges, type MissingVm } from '../../model/recent-changes.js'
import type { HostStatus, Snapshot } from '../../model/snapshot.js'
import { judgeFleet } from '../fleet-findings.js'
import { vmLost } from './vm-lost.js'

const policy = policyOf('')
const minute = 60_000

function missing(change: Partial<MissingVm> = {}): { readonly changes: typeof noChanges } {
  const gone: MissingVm = {
    uuid: uuidOf('mail'),
    name: 'mail',
    owner: 'ann',
    group: '',
    service: '',
    hostId: hostIdOf('a'),
    hostName: 'a',
    ran: true,
    sinceMs: builtAt - minute,
    end: 'nothing',
    endAtMs: 0,
    ...change,
  }
  return { changes: { ...noChanges, missing: new Map([[gone.uuid, gone]]) } }
}

function fleet({
  a = 'up',
  b = 'up',
  vms = [] as readonly string[],
}: { a?: HostStatus; b?: HostStatus; vms?: readonly string[] } = {}): Snapshot {
  return buildSnapshot({
    hosts: [
      { name: 'a', memoryMiB: 8192, status: a },
      { name: 'b', memoryMiB: 8192, status: b },
    ],
    vms: vms.map((name) => ({ name, host: 'a', memoryMiB: 1024 })),
  })
}

describe('a VM that is missing', () => {
  it.each<[string, Partial<MissingVm>, Snapshot, string[]]>([
    ['and ran', {}, fleet(), ['raise critical: it ran on a, which does not tell of it any more; nothing says why']],
    [
      'and was off',
      { ran: false },
      fleet(),
      ['raise warning: it was on a, which does not tell of it any more; nothing says why'],
    ],
    ['and crashed', { end: 'crashed' }, fleet(), ['raise critical: it crashed on a, and is not there any more']],
    [
      'and stopped',
      { end: 'stopped' },
      fleet(),
      ['raise warning: it stopped on a, nothing says why, and it is not there any more'],
    ],
    [
      'and was moved',
      { end: 'moved' },
      fleet(),
      ['raise info: it was moved away from a, and no host of the fleet tells of it'],
    ],
    [
      'and was moved, while a host is silent',
      { end: 'moved' },
      fleet({ b: 'silent' }),
      ['keep info: it was moved away from a, and no host of the fleet tells of it'],
    ],
    ['and was undefined', { end: 'removed' }, fleet(), []],
    ['and was shut down', { end: 'ended' }, fleet(), []],
    [
      'while another host is silent',
      {},
      fleet({ b: 'silent' }),
      ['raise critical: it ran on a, which does not tell of it any more; nothing says why'],
    ],
    [
      'while its host is silent',
      {},
      fleet({ a: 'silent' }),
      ['keep critical: it ran on a, which does not tell of it any more; nothing says why'],
    ],
    [
      'and remembered after a start, not yet heard of',
      {},
      fleet({ a: 'silent', vms: ['mail'] }),
      ['keep critical: it ran on a, which does not tell of it any more; nothing says why'],
    ],
    [
      'for a week',
      { sinceMs: builtAt - 7 * 24 * 60 * minute },
      fleet(),
      ['raise critical: it ran on a, which does not tell of it any more; nothing says why'],
    ],
    ['for longer than a week', { sinceMs: builtAt - 7 * 24 * 60 * minute - 1 }, fleet(), []],
    ['and its host left the fleet', { hostId: 'gone' }, fleet(), []],
  ])('%s', (_, change, snapshot, expected) => {
    const said = vmLost(snapshot, policy, missing(change))
    expect(said.map(({ strength, severity, message }) => `${strength} ${severity}: ${message}`)).toEqual(expected)
  })

  it('is not known where nobody remembers', () => {
    expect(vmLost(fleet(), policy, {})).toEqual([])
  })

  it('is named with its series and its host', () => {
    expect(vmLost(fleet(), policy, missing())).toMatchObject([
      {
        check: 'vm-lost',
        part: '',
        subject: { kind: 'vm', id: uuidOf('mail'), name: 'mail' },
        evidence: [{ entityKind: 'vm', entityId: uuidOf('mail'), field: 'running' }],
        related: [{ role: 'partner', subject: { kind: 'host', id: hostIdOf('a'), name: 'a' } }],
      },
    ])
  })

  it.each(['vm: ma*', 'host: a'])('is excepted by %s', (whom) => {
    const excepting = policyOf(`exceptions: [{ ${whom}, rule: vm-lost, reason: on trial }]`)
    const { findings } = judgeFleet(fleet(), excepting, missing())
    expect(findings.stands.filter(({ check }) => check === 'vm-lost')).toEqual([])
    expect(findings.excepted.map(({ finding }) => finding.check)).toEqual(['vm-lost'])
  })

  it('keeps the labels that the policy gave it', () => {
    const rules = policyOf('groups: [{ name: post, match: "ma*", owner: "{vm}-admin" }]')
    const labels = judgeFleet(fleet(), rules, missing()).labels.get(uuidOf('mail'))
    expect([labels?.group?.value, labels?.owner?.value]).toEqual(['post', 'mail-admin'])
  })
})
