import { describe, expect, it } from 'vitest'

import { elabSnapshot } from '../../test/support/elab-fleet.js'
import { elabPolicyFile } from '../../test/support/elab-policy.js'
import { buildSnapshot, type VmRow } from '../../test/support/snapshot-builder.js'
import { judgeFleet } from '../checks/fleet-findings.js'
import type { Snapshot } from '../model/snapshot.js'
import { loadPolicy, parsePolicy } from './policy-file.js'
import { reviewPolicy } from './review.js'

const now = Date.parse('2012-01-15T00:00:00Z')

/** `line kind key: message`. */
function notes(text: string, snapshot?: Snapshot): string[] {
  const parsed = parsePolicy(text, 'policy.yaml')
  const fleet = snapshot === undefined ? undefined : { snapshot, judgement: judgeFleet(snapshot, parsed.policy) }
  return reviewPolicy(parsed, now, fleet).map(
    ({ line, kind, key, message }) => `${line ?? '-'} ${kind} ${key}: ${message}`,
  )
}

describe('rules against each other', () => {
  it.each<[string, string, string[]]>([
    ['nothing odd', 'groups: [{ name: a, match: [a1, "b*"] }, { name: b, match: [c, "*"] }]', []],
    [
      'a rule behind one that matches all of it',
      'hosts:\n  - match: "xen*"\n  - match: [xen1, "xen2*"]',
      ['3 shadowed hosts.1: it never counts: hosts.0 ("xen*") comes first for all that "xen1" matches'],
    ],
    [
      'a pattern behind another rule',
      'groups:\n  - { name: a, match: [x, "y*"] }\n  - { name: b, match: [x, z] }',
      ['3 shadowed groups.1: "x" changes nothing: groups.0 has "x" before it'],
    ],
    [
      'a pattern behind one of its own rule',
      'arrays: [{ name: a, match: ["iscsi:*", "iscsi:b*"] }]',
      ['1 shadowed arrays.0: "iscsi:b*" changes nothing: the same rule has "iscsi:*" before it'],
    ],
    [
      'a VM in two services',
      'services: [{ name: a, members: [m1, m2] }, { name: b, members: [m2, m3] }]',
      ['1 shadowed services.1: "m2" changes nothing: services.0 has "m2" before it'],
    ],
    [
      'an exception twice',
      'exceptions:\n  - { vm: "a*", rule: no-room, reason: r }\n  - { vm: ab, rule: no-room, reason: s }\n  - { vm: ab, rule: near-miss, reason: s }\n  - { host: ab, rule: no-room, reason: s }',
      ['3 shadowed exceptions.1: it changes nothing: exceptions.0 excepts vm "a*" from no-room before it'],
    ],
    [
      'a silence that has ended',
      'silences:\n  - { match: { subject: "vm:a" }, until: 2012-01-15T09:00:01+09:00, author: a, reason: r }\n  - { match: { subject: "vm:a" }, until: 2012-01-15T09:00:00+09:00, author: a, reason: r }',
      ['3 unused silences.1: it has ended'],
    ],
    [
      'an exception for everything',
      'exceptions: [{ host: "*", rule: host-failure, reason: r }]',
      ['1 contradiction exceptions.0: it switches the rule host-failure off for all hosts'],
    ],
    [
      'a limit below a new VM, of a class that no group has',
      'limits: { classMemory: { core: 512MiB } }',
      [
        '- contradiction limits.classMemory.core: a new VM of limits.vmMemory (1GiB) would be above it (512MiB)',
        '- unused limits.classMemory.core: no group has the class core',
      ],
    ],
  ])('%s', (_what, text, expected) => {
    expect(notes(text)).toEqual(expected)
  })

  it('of many patterns take a moment', () => {
    const row = (at: number): string => `  - { name: g${at}, match: ["a${at}-*", "*-b${at}", "c${at}"] }`
    const text = `groups:\n${Array.from({ length: 1000 }, (_, at) => row(at)).join('\n')}\n  - { name: last, match: c7 }`
    const parsed = parsePolicy(text, 'policy.yaml')
    const start = performance.now()
    expect(reviewPolicy(parsed, now)).toHaveLength(1)
    expect(performance.now() - start).toBeLessThan(2000)
  })
})

describe('rules against a fleet', () => {
  const vm = (name: string, more: VmRow['more'] = {}): VmRow => ({ name, host: 'h1', memoryMiB: 512, more })
  const snapshot = buildSnapshot({
    hosts: [
      { name: 'h1', memoryMiB: 8192 },
      { name: 'h2', memoryMiB: 8192 },
    ],
    vms: [vm('web1', { group: 'web', owner: 'ann' }), vm('web2', { group: 'web', service: 'shop' }), vm('db1')],
    arrays: [{ key: 'iscsi:box', name: 'box', kind: 'iscsi' }],
  })

  it.each<[string, string, string[]]>([
    [
      'all of it is there',
      'groups: [{ name: a, match: ["web*", db1] }]\nhosts: [{ match: [h1, "*2"] }]\narrays: [{ name: x, match: "*" }]',
      ['1 overruled groups.0: the group a counts, not web as in the metadata of web1 and web2'],
    ],
    [
      'names that nothing has',
      'groups:\n  - { name: a, match: [web1, weg2] }\nhosts:\n  - { match: h3 }\narrays:\n  - { name: x, match: "rbd:*" }\nservices:\n  - { name: s, members: [web1, web9] }\napart:\n  - [web1, "cache*"]\nexceptions:\n  - { vm: mail, rule: no-room, reason: r }\n  - { host: h4, rule: no-room, reason: r }',
      [
        '2 unmatched groups.0: no VM is called "weg2"',
        '2 overruled groups.0: the group a counts, not web as in the metadata of web1',
        '4 unmatched hosts.0: no host is called "h3"',
        '6 unmatched arrays.0: no array is called "rbd:*"',
        '8 unmatched services.0: no VM is called "web9"',
        '10 unmatched apart.0: no VM is called "cache*"',
        '12 unmatched exceptions.0: no VM is called "mail"',
        '13 unmatched exceptions.1: no host is called "h4"',
      ],
    ],
    [
      'a rule that comes first for nothing',
      'groups:\n  - { name: a, match: ["w*1", "w*2"] }\n  - { name: b, match: "*eb*" }\n  - { name: web }\n  - { name: nobody }',
      [
        '2 overruled groups.0: the group a counts, not web as in the metadata of web1 and web2',
        '3 unused groups.1: it is the rule of nothing in the fleet',
        '5 unused groups.3: it is the rule of nothing in the fleet',
      ],
    ],
    [
      'services too small to be kept apart',
      'services:\n  - { name: shop }\n  - { name: mail }\n  - { name: db, members: db1 }',
      [
        '2 unused services.0: only web2 is a member of it',
        '3 unused services.1: no VM is a member of it',
        '4 unused services.2: only db1 is a member of it',
      ],
    ],
    [
      'an exception that excepts nothing',
      'exceptions:\n  - { vm: db1, rule: core-on-shared-storage, reason: r }\n  - { host: h1, rule: lost-with-host, reason: r }',
      ['2 unused exceptions.0: it excepts nothing: core-on-shared-storage finds nothing there now'],
    ],
    [
      'silences and routes of what is not there',
      'silences:\n  - { match: { subject: "vm:web9" }, until: 2013-01-01T00:00Z, author: a, reason: r }\n  - { match: { subject: "*:web1" }, until: 2013-01-01T00:00Z, author: a, reason: r }\n  - { match: { check: no-room }, until: 2013-01-01T00:00Z, author: a, reason: r }\nroutes:\n  - { name: a, match: { group: wen }, to: [{ email: { to: [a@b] } }] }\n  - { name: b, match: { owner: "ann*", group: web }, to: [{ email: { to: [a@b] } }] }\n  - { name: c, match: { owner: bob }, to: [{ email: { to: [a@b] } }] }',
      [
        '2 unmatched silences.0: no subject is called "vm:web9"',
        '6 unmatched routes.0: no VM is of the group "wen"',
        '8 unmatched routes.2: no VM has the owner "bob"',
      ],
    ],
    [
      'owner and service by metadata are overruled',
      'groups: [{ name: web, owner: bob }]\nservices: [{ name: all, members: ["web*"] }]',
      [
        '1 overruled groups.0: its owner counts, not another as in the metadata of web1',
        '2 overruled services.0: the service all counts, not shop as in the metadata of web2',
      ],
    ],
  ])('%s', (_what, text, expected) => {
    expect(notes(text, snapshot)).toEqual(expected)
  })

  it('of the elab all is meant as it is', () => {
    const parsed = loadPolicy(elabPolicyFile)
    const elab = elabSnapshot()
    expect(reviewPolicy(parsed, now, { snapshot: elab, judgement: judgeFleet(elab, parsed.policy) })).toEqual([])
  })
})
