import { expect, it } from 'vitest'

import { elabSnapshot } from '../test/support/elab-fleet.js'
import { elabPolicy } from '../test/support/elab-policy.js'
import { HandFleet } from '../test/support/hand-fleet.js'
import { FleetLook } from './fleet-look.js'
import type { Circumstances } from './model/circumstances.js'
import type { Policy } from './model/policy.js'
import type { PolicyInForce } from './policy/live-policy.js'

function world(): {
  readonly fleet: HandFleet
  readonly inForce: { policy: Policy; problem: PolicyInForce['problem'] }
  readonly around: { now: Circumstances }
  readonly look: FleetLook
} {
  const fleet = new HandFleet(elabSnapshot())
  const inForce = { policy: elabPolicy(), problem: undefined }
  const around = { now: {} }
  return {
    fleet,
    inForce,
    around,
    look: new FleetLook({ fleet, policy: () => inForce, circumstances: () => around.now }),
  }
}

it('judges once, however many ask', () => {
  const { look, fleet } = world()
  const first = look.current()
  expect(first.findings.stands.length).toBeGreaterThan(10)
  expect(first.labels.size).toBe(fleet.snapshot().vms.size)
  expect(look.current()).toBe(first)
})

it.each<[string, (of: ReturnType<typeof world>) => void]>([
  ['another snapshot', ({ fleet }) => fleet.set({ ...fleet.snapshot(), revision: 2 })],
  ['another policy', ({ inForce }) => (inForce.policy = elabPolicy())],
  ['other circumstances', ({ around }) => (around.now = {})],
])('%s is looked at anew', (_, change) => {
  const of = world()
  const before = of.look.current()
  change(of)
  const after = of.look.current()
  expect(after).not.toBe(before)
  expect(of.look.current()).toBe(after)
})

it('a file that is not in force is a finding, and ends with its end', () => {
  const { look, inForce } = world()
  const problems = (): string[] =>
    look.current().findings.stands.flatMap(({ check, message }) => (check === 'policy-file' ? [message] : []))
  expect(problems()).toEqual([])
  inForce.problem = { since: 1, message: 'line 3 is bad', problems: [] }
  expect(problems()).toEqual(['the policy file is not what is in force: line 3 is bad'])
  inForce.problem = undefined
  expect(problems()).toEqual([])
})
