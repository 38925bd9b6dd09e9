import { expect, it } from 'vitest'

import { optimumGap, summaryOf, type OptimumGap } from '../../test/support/optimum-gaps.js'

// Twelve exact solutions: seconds alone, longer beside others.
it('is near what an exact solver finds, and finds a way to keep all rules where there is one', async () => {
  const gaps: OptimumGap[] = []
  for (let seed = 1; seed <= 12; seed += 1) gaps.push(await optimumGap(seed))
  const { medianGapPercent, worstGapPercent, missed, feasible } = summaryOf(gaps)
  expect(gaps.flatMap(({ broken }) => broken)).toEqual([])
  expect(missed).toEqual([])
  expect(feasible).toBeGreaterThan(8)
  expect(medianGapPercent).toBeLessThanOrEqual(1)
  expect(worstGapPercent).toBeLessThanOrEqual(5)
  // No plan is better than the best there is.
  for (const { gap = 0 } of gaps) expect(gap).toBeGreaterThan(-1e-6)
}, 90_000)
