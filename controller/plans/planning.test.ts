import { expect, it } from 'vitest'

import { elabSnapshot } from '../../test/support/elab-fleet.js'
import { elabPolicy } from '../../test/support/elab-policy.js'
import { FleetLook } from '../fleet-look.js'
import { PlannerBusy, Planning } from './planning.js'

it('checks moves of a plan that is applied though as many plans as may are waited for', async () => {
  const [snapshot, policy, circumstances] = [elabSnapshot(), elabPolicy(), {}]
  /** The first plan waits for the past for ever; who comes to its turn beside it gets an error. */
  let reads = 0
  const planning = new Planning({
    look: new FleetLook({
      fleet: { snapshot: () => snapshot },
      policy: () => ({ policy, problem: undefined }),
      circumstances: () => circumstances,
    }),
    commands: { list: () => [], maintenanceOf: () => undefined },
    history: {
      of: () => {
        reads += 1
        return reads === 1 ? new Promise(() => undefined) : Promise.reject(new Error('its turn has come'))
      },
    },
    now: () => 0,
  })
  for (let count = 0; count < 8; count += 1) void planning.plan({ kind: 'drain', hostId: 'a' })
  await expect(planning.plan({ kind: 'drain', hostId: 'a' })).rejects.toBeInstanceOf(PlannerBusy)
  await expect(planning.refusals('a', 'b', 'drain')).rejects.toThrow('its turn has come')
})
