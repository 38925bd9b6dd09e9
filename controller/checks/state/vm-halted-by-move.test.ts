import { expect, it } from 'vitest'

import { policyWith } from '../../../test/support/policy-with.js'
import { buildSnapshot, hostIdOf, uuidOf } from '../../../test/support/snapshot-builder.js'
import type { UnsettledMove } from '../../model/circumstances.js'
import type { HostStatus, Placement, VmState } from '../../model/snapshot.js'
import { vmHaltedByMove } from './vm-halted-by-move.js'

type Stand = UnsettledMove['stands'] | undefined

/** On `a`, or also on `b`; and how its last move from a to b stands. */
function found(onA: VmState, onB: VmState | undefined, stands: Stand, statusB: HostStatus = 'up'): string[] {
  const copy = (host: string, state: VmState): NonNullable<Placement['copies']>[number] => ({
    hostId: hostIdOf(host),
    name: 'mail',
    runs: state === 'running',
    ...(state === 'paused' && { isHalted: true }),
  })
  const snapshot = buildSnapshot({
    hosts: [
      { name: 'a', memoryMiB: 8192 },
      { name: 'b', memoryMiB: 8192, status: statusB },
    ],
    vms: [{ name: 'mail', host: 'a', memoryMiB: 1024, state: onA }],
    placements: [
      {
        vmUuid: uuidOf('mail'),
        hostId: hostIdOf('a'),
        runningOn: onA === 'running' ? [hostIdOf('a')] : [],
        doubled: false,
        ...(onB !== undefined && { copies: [copy('a', onA), copy('b', onB)] }),
      },
    ],
  })
  const hosts = { fromHostId: hostIdOf('a'), fromHostName: 'a', toHostId: hostIdOf('b'), toHostName: 'b' }
  const moves = stands === undefined ? [] : [{ vmUuid: uuidOf('mail'), number: 7, ...hosts, stands }]
  return vmHaltedByMove(snapshot, policyWith(), { moves }).map(
    ({ severity, strength, message }) => `${severity} ${strength}: ${message}`,
  )
}

const since = ', since its move from a to b (command 7)'
const remedy = 'headroom vm resolve mail --keep b (or a) lets one go on and ends the other'

it.each<[string, ReturnType<typeof found>, string[]]>([
  ['halted by a person', found('paused', undefined, undefined), []],
  ['halted, with a copy that is off', found('paused', 'shutoff', undefined), []],
  ['halted by a person after a move that failed', found('paused', 'shutoff', 'stayed'), []],
  ['at the end of its move', found('paused', 'paused', 'under-way'), []],
  ['on its way', found('running', 'paused', 'under-way'), []],
  ['well', found('running', 'shutoff', 'stayed'), []],
  [
    'halted on both',
    found('paused', 'paused', 'between'),
    [`critical raise: it is halted on a and b at once, and runs nowhere${since}: ${remedy}`],
  ],
  [
    'halted on both by nobody known',
    found('paused', 'paused', undefined),
    [
      'critical raise: it is halted on a and b at once, and runs nowhere: look which of them is whole, end the other one, and let that one go on',
    ],
  ],
  [
    'halted on one and off on the other',
    found('paused', 'shutoff', 'between'),
    [`critical raise: it is halted on a, and runs nowhere${since}: ${remedy}`],
  ],
  [
    'halted on one and gone from the other',
    found('paused', undefined, 'between'),
    [`critical raise: it is halted on a, and runs nowhere${since}: ${remedy}`],
  ],
  [
    'running, with a halted copy that was left',
    found('running', 'paused', 'stayed'),
    [
      `warning raise: it runs on a, and a halted copy is left on b${since}: headroom vm resolve mail --keep a ends that`,
    ],
  ],
  [
    'halted on both, one of which is not heard',
    found('paused', 'paused', 'between', 'silent'),
    [`critical keep: it is halted on a and b at once, and runs nowhere${since}: ${remedy}`],
  ],
])('a VM that is %s', (_what, said, expected) => {
  expect(said).toEqual(expected)
})
