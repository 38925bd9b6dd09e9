import { expect, it } from 'vitest'

import { policyWith } from '../../../test/support/policy-with.js'
import { buildSnapshot, hostIdOf, withVm } from '../../../test/support/snapshot-builder.js'
import type { StorageArray } from '../../model/snapshot.js'
import type { FleetFacts } from './facts.js'
import { failureCard } from './failure-card.js'
import { planDrain } from './plan-drain.js'

/** VMs of one host: on its own disk, on an array that nobody else reaches, on one that all do, and two that are off. */

const gib = 1024
const arrays = ['box', 'fibre'].map((key) => ({ key, name: key, kind: 'fc' }))

function factsOf(memoryOfOther: number): FleetFacts {
  const rows = { host: 'a', memoryMiB: 2 * gib }
  const built = buildSnapshot({
    hosts: [
      { name: 'a', memoryMiB: 32 * gib },
      { name: 'b', memoryMiB: memoryOfOther * gib },
      { name: 'c', memoryMiB: 32 * gib, status: 'silent' },
    ],
    vms: [
      { ...rows, name: 'local' },
      { ...rows, name: 'fc', array: 'fibre' },
      { ...rows, name: 'free', array: 'box' },
      { ...rows, name: 'off1', array: 'box' },
      { ...rows, name: 'off2' },
    ],
    arrays,
  })
  const off = { state: 'shutoff', runId: '' } as const
  const snapshot = withVm(withVm(built, 'off1', off), 'off2', off)
  // Of those that are there, a alone reaches it; the silent host does too, so that it counts as shared.
  const fibre: StorageArray | undefined = snapshot.arrays.get('fibre')
  if (fibre === undefined) throw new Error('no array fibre')
  const hostIds = [hostIdOf('a'), hostIdOf('c')]
  const none = { history: new Map(), maintenance: new Map(), past: [] }
  return {
    snapshot: { ...snapshot, arrays: new Map(snapshot.arrays).set('fibre', { ...fibre, hostIds }) },
    policy: policyWith(),
    ...none,
    now: snapshot.at,
  }
}

it.each([
  ['that it moves', 32, true],
  ['that find no place', 2, false],
] as const)(
  'emptying a host names all VMs whose disks have to be copied, %s, and those that are off',
  (_what, memory, isWhole) => {
    const plan = planDrain(factsOf(memory), hostIdOf('a'))
    expect(plan.complete).toBe(isWhole)
    expect(plan.copies.map(({ vm, diskBytes }) => [vm, diskBytes])).toEqual([
      ['fc', 40e9],
      ['local', 40e9],
    ])
    expect(plan.says).toContain('fc and local have to be off and copied: 80 GB')
    expect(plan.says).toContain('; off1 and off2 are off and stay')
  },
)

it('the card of a host names those that are off', () => {
  expect(failureCard(factsOf(32), hostIdOf('a')).says).toContain('; off1 and off2, which are off, are on it too')
})
