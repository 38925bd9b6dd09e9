import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { policyOf } from '../../test/support/policy-with.js'
import { buildSnapshot, type VmRow } from '../../test/support/snapshot-builder.js'
import { withIo } from '../../test/support/snapshot-io.js'
import { boxKey, secondKey, writes } from '../../test/support/storage-fleet.js'
import type { HostStatus, Snapshot, VmState } from '../model/snapshot.js'
import { judgeFleet } from './fleet-findings.js'

/** What is remembered from look to look changes nothing of what is found: whatever happened between them. */

const policy = policyOf(`
limits: { classMemory: { personal: 1GiB }, vcpusPerCore: 1 }
groups:
  - { name: core, class: core, match: ["c*"] }
  - { name: people, class: personal, match: ["p*"], owner: "{vm}@example.org" }
hosts: [{ match: "reserve*", role: reserve }]
arrays: [{ name: the box, match: "iscsi:*", join: true }]
services: [{ name: s, members: ["c1", "c2"] }]
apart: [["c*", "x1"], ["p1", "p2"]]
exceptions:
  - { vm: p2, rule: personal-beside-core, reason: known }
  - { host: b, rule: core-on-shared-storage, reason: known }
`)

const vmNames = ['c1', 'c2', 'p1', 'p2', 'x1'] as const
const hostNames = ['a', 'b', 'reserve'] as const

const fields = {
  host: fc.constantFrom(...hostNames),
  state: fc.constantFrom<VmState>('running', 'running', 'paused', 'shutoff', 'crashed'),
  memoryMiB: fc.constantFrom(512, 4096, null),
  array: fc.constantFrom(undefined, boxKey, secondKey),
  called: fc.constantFrom(undefined, undefined, 'c9', 'p9'),
  vcpus: fc.constantFrom(undefined, 1, 9),
  group: fc.constantFrom('', 'people'),
  waitMs: fc.constantFrom(undefined, 2, 900),
}
const vm = fc.record(fields)
type VmNow = typeof vm extends fc.Arbitrary<infer Value> ? Value : never

/** One thing of a VM changes, all of it, or it is gone. */
const vmChange = fc.oneof(
  ...Object.entries(fields).map(([name, value]) => fc.record<Partial<VmNow>>({ [name]: value })),
  vm,
  fc.constant(undefined),
)
const change = fc.record({
  vms: fc.array(fc.tuple(fc.constantFrom(...vmNames), vmChange), { maxLength: 2 }),
  host: fc.constantFrom(...hostNames),
  now: fc.record({
    status: fc.constantFrom<HostStatus>('up', 'up', 'silent'),
    called: fc.constantFrom('', '', 'reserve9'),
  }),
  isReversed: fc.boolean(),
})
type HostNow = (typeof change extends fc.Arbitrary<infer Value> ? Value : never)['now']

/** All objects of it are new, whatever changed. */
function snapshotOf(vms: ReadonlyMap<string, VmNow>, hostsNow: ReadonlyMap<string, HostNow>): Snapshot {
  const rows = [...vms].map(([name, { host, state, memoryMiB, array, called, vcpus, group }]): VmRow => {
    const more = { vcpus, group, ...(called !== undefined && { name: called }) }
    return { name, host, state, memoryMiB, more, ...(array !== undefined && { array }) }
  })
  const snapshot = buildSnapshot({
    hosts: hostNames.map((name) => {
      const { status, called } = hostsNow.get(name) ?? { status: 'up', called: '' }
      return { name, memoryMiB: 8192, status, more: called === '' ? {} : { name: called } }
    }),
    arrays: [boxKey, secondKey].map((key) => ({ key, name: key, kind: 'iscsi' })),
    vms: rows,
  })
  return withIo(snapshot, {
    vms: Object.fromEntries(
      [...vms].map(([name, { waitMs }]) => [name, writes(waitMs === undefined ? 0 : 200, waitMs)]),
    ),
    arrays: { [boxKey]: writes(400, 40) },
  })
}

test('a look after others finds what a first look finds', () => {
  let found = 0
  const firsts = fc.array(fc.tuple(fc.constantFrom(...vmNames), vm), { minLength: 3 })
  fc.assert(
    fc.property(firsts, fc.array(change, { maxLength: 8 }), (first, changes) => {
      let vms = new Map(first)
      const hosts = new Map<string, HostNow>()
      for (const { vms: changed, host, now, isReversed } of changes) {
        for (const [name, part] of changed) {
          const before = vms.get(name)
          if (part === undefined) vms.delete(name)
          else if (before !== undefined) vms.set(name, { ...before, ...part })
        }
        hosts.set(host, now)
        if (isReversed) vms = new Map([...vms].toReversed())
        const snapshot = snapshotOf(vms, hosts)
        // Nothing is remembered of a policy that is another object.
        const fresh = judgeFleet(snapshot, structuredClone(policy))
        const later = judgeFleet(snapshot, policy)
        expect(later).toEqual(fresh)
        found += fresh.findings.stands.length
      }
    }),
    { numRuns: 300 },
  )
  expect(found).toBeGreaterThan(1000)
})
