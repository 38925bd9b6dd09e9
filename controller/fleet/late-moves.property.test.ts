import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { faultsOf, tellings } from '../../test/moves/told-in-any-order.js'

/** More: npx tsx test/moves/main.ts --seed 1 --seeds 30 --count 300 */
describe('a VM that moves from host to host, in late reports and in time', () => {
  it.each([1, 2])(
    'leaves one series with what was written, whoever tells first: seed %i',
    (seed) => {
      fc.assert(
        fc.property(tellings(), (telling) => {
          expect(faultsOf(telling)).toEqual([])
        }),
        { seed, numRuns: 300 },
      )
    },
    60_000,
  )
})
