import { expect, it } from 'vitest'

import { policyWith } from '../../../test/support/policy-with.js'
import { buildSnapshot, hostIdOf, uuidOf, withVm } from '../../../test/support/snapshot-builder.js'
import type { VmState } from '../../model/snapshot.js'
import { moveRefusals } from './check-move.js'

const gib = 1024
const built = buildSnapshot({
  hosts: [
    { name: 'a', memoryMiB: 32 * gib },
    { name: 'b', memoryMiB: 32 * gib },
    { name: 'small', memoryMiB: 4 * gib },
  ],
  vms: [
    { name: 'local', host: 'a', memoryMiB: 8 * gib },
    { name: 'shared', host: 'a', memoryMiB: 8 * gib, array: 'box' },
  ],
  arrays: [{ key: 'box', name: 'box', kind: 'iscsi' }],
})

it.each([
  ['local', 'running', 'b', []],
  ['local', 'shutoff', 'b', []],
  ['local', 'shutoff', 'small', ['into-reserve']],
  ['shared', 'running', 'b', []],
  ['shared', 'shutoff', 'b', ['vm-state']],
] as const)('of the VM %s, which is %s, the move to %s breaks %j', (name, state: VmState, to, broken) => {
  const snapshot = withVm(built, name, { state })
  const none = { history: new Map(), maintenance: new Map(), past: [] }
  const facts = { snapshot, policy: policyWith(), ...none, now: snapshot.at }
  const refusals = moveRefusals(facts, uuidOf(name), hostIdOf(to), 'rebalance')
  expect(refusals.map(({ rule }) => rule)).toEqual(broken)
})
