import { expect, it } from 'vitest'

import { planFaults } from '../../test/support/plan-faults.js'

it('breaks no hard rule at any step, scores as counted by hand, plans alike twice, and has nothing left to plan', () => {
  for (let seed = 1; seed <= 60; seed += 1) expect(planFaults(seed), `seed ${seed}`).toEqual([])
})
