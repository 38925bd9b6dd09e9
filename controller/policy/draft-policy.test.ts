import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { elabArrayKey, elabSnapshot } from '../../test/support/elab-fleet.js'
import { buildSnapshot } from '../../test/support/snapshot-builder.js'
import { fleetFindings, judgeFleet } from '../checks/fleet-findings.js'
import { draftPolicy, type SeenFleet } from './draft-policy.js'
import { defaultPolicy, parsePolicy } from './policy-file.js'
import { reviewPolicy } from './review.js'
import { stems } from './stems.js'

const day = '2011-04-12'
const own = (name: string) => (name === '' ? undefined : { name, isOwn: true })
const nothing: SeenFleet = { hosts: [], vms: [], arrays: [] }

describe('the draft of a policy', () => {
  it('of the elab names its hosts, groups, services and its one shared array', () => {
    const group = (name: string): string =>
      ['bell', 'tesla'].includes(name) ? 'department' : name === 'kure' ? 'personal' : ''
    const snapshot = elabSnapshot()
    const text = draftPolicy(
      {
        hosts: Array.from(snapshot.hosts.values(), ({ name, kind }) => ({ name, kind, vms: 3 })),
        vms: Array.from(snapshot.vms.values(), ({ name }) => {
          return { name, group: own(group(name)), service: own(name === 'ns' ? 'dns' : '') }
        }),
        arrays: [
          { key: elabArrayKey, name: 'iscsi1', vms: ['a', 'b'] },
          { key: 'local:x:0', name: 'sda', vms: ['c'] },
        ],
      },
      day,
    )
    expect(text.split('\n').slice(0, 2).join(' ')).toContain(
      'Drafted on 2011-04-12 by `headroom policy init` from 5 hosts and 31 VMs',
    )
    for (const expected of [
      '  - { match: xenhv01 }   # xen, 3 VMs',
      '  - name: department   # by their own metadata: bell and tesla\n    # class: core\n',
      '  - name: personal   # by their own metadata: kure\n    class: personal\n',
      '  - { name: dns }   # by their own metadata: ns',
      `  - { name: iscsi1, match: ${JSON.stringify(elabArrayKey)} }   # 2 VMs`,
    ]) {
      expect(text).toContain(expected)
    }
    const { policy } = parsePolicy(text, 'draft')
    expect(policy.hosts).toHaveLength(5)
    expect(policy.arrays.map(({ name }) => name)).toEqual(['iscsi1'])
  })

  it('groups VMs without metadata by what their names have in common', () => {
    const vms = ['web-01', 'web-02', 'db1', 'db2', 'mail', 'db-old', 'x9'].map((name) => ({ name }))
    const { policy } = parsePolicy(draftPolicy({ ...nothing, vms }, day), 'draft')
    expect(policy.groups).toEqual([{ name: 'web', match: ['web-*'], class: undefined, owner: undefined }])
  })

  it('keeps what the policy in force says, by names', () => {
    const group = { name: 'core', isOwn: false }
    const vms = [
      { name: 'mail', group, service: { name: 'mail', isOwn: false } },
      { name: 'mail2', group, service: { name: 'mail', isOwn: true } },
      { name: 'db', group: { name: 'core', isOwn: true } },
    ]
    const { policy } = parsePolicy(draftPolicy({ ...nothing, vms }, day), 'draft')
    expect(policy.groups).toEqual([{ name: 'core', match: ['mail', 'mail2'], class: 'core', owner: undefined }])
    expect(policy.services).toEqual([{ name: 'mail', members: ['mail'] }])
  })

  it('guesses pairs, in comments', () => {
    const vms = ['mail', 'mail2', 'ns', 'ns-2', 'db'].map((name) => ({ name }))
    const text = draftPolicy({ ...nothing, vms }, day)
    expect(text).toContain('  # - { name: mail, members: [mail, mail2] }\n  # - { name: ns, members: [ns, ns-2] }\n')
    expect(parsePolicy(text, 'draft').policy.services).toEqual([])
  })

  it('of hundreds of hosts names them by patterns', () => {
    const hosts = Array.from({ length: 400 }, (_, at) => ({ name: `hv${at}`, kind: 'kvm', vms: 20 }))
    const text = draftPolicy({ ...nothing, hosts: [...hosts, { name: 'old', kind: 'xen', vms: 0 }] }, day)
    expect(parsePolicy(text, 'draft').policy.hosts.map(({ match }) => match)).toEqual([['hv*'], ['old']])
  })

  it('is a policy for any fleet, that means nothing odd and finds nothing that the defaults do not', () => {
    const name = fc.oneof(
      fc.string({ maxLength: 10 }),
      fc.constantFrom(
        'true',
        'null',
        '~',
        '1',
        'web1',
        'web2',
        'a: b',
        '# x',
        '"',
        '*',
        'x'.repeat(400),
        '\u2028',
        '- a',
        'no\nline',
      ),
    )
    const fleets = fc.record({
      hosts: fc.uniqueArray(name, { maxLength: 5 }),
      vms: fc.uniqueArray(fc.record({ name, group: name, service: name }), { maxLength: 8, selector: (vm) => vm.name }),
      arrays: fc.uniqueArray(fc.record({ key: name, name }), { maxLength: 4, selector: (array) => array.key }),
    })
    fc.assert(
      fc.property(fleets, ({ hosts, vms, arrays }) => {
        const text = draftPolicy(
          {
            hosts: hosts.map((host) => ({ name: host, kind: 'kvm', vms: 1 })),
            vms: vms.map((vm) => ({ name: vm.name, group: own(vm.group), service: own(vm.service) })),
            arrays: arrays.map((array) => ({ ...array, vms: [] })),
          },
          day,
        )
        const parsed = parsePolicy(text, 'draft')
        const snapshot = buildSnapshot({
          hosts: hosts.map((host) => ({ name: host, memoryMiB: 8192 })),
          vms: vms.map((vm, at) => ({
            name: vm.name,
            host: hosts[0] ?? 'none',
            memoryMiB: 512,
            more: { uuid: `uuid-${at}`, group: vm.group, service: vm.service, diskIds: [] },
          })),
          arrays: arrays.map((array) => ({ ...array, kind: 'iscsi' })),
        })
        const judgement = judgeFleet(snapshot, parsed.policy)
        // A service of one member is what was seen; the rest is to be in use.
        const odd = reviewPolicy(parsed, 0, { snapshot, judgement }).filter(
          ({ key, kind }) => !(kind === 'unused' && key.startsWith('services')),
        )
        expect(odd.filter(({ kind }) => kind === 'unmatched' || kind === 'contradiction')).toEqual([])
        const isPair = (check: string): boolean => check === 'service-on-one-host' || check.startsWith('personal')
        expect(judgement.findings.stands.filter(({ check }) => !isPair(check)).length).toBe(
          fleetFindings(snapshot, defaultPolicy).stands.length,
        )
      }),
    )
  })
})

describe('stems', () => {
  it.each<[string[], string[], string[]]>([
    [['web1', 'web2', 'db'], ['web*'], ['db']],
    [['a-01', 'a-02', 'a'], ['a-*'], ['a']],
    [['a1', 'a2', 'ab'], [], ['a1', 'a2', 'ab']],
    [['1', '2'], [], ['1', '2']],
    [['v1-1', 'v1-2', 'v2'], ['v1-*'], ['v2']],
    [['web1', 'web1'], [], ['web1', 'web1']],
  ])('of %j', (names, patterns, single) => {
    const found = stems(names)
    expect(found.families.map(({ pattern }) => pattern)).toEqual(patterns)
    expect([...found.single].toSorted()).toEqual(single.toSorted())
  })
})
