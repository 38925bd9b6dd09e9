import { expect, it } from 'vitest'

import { measuredSendRate } from './move-cost.js'
import type { PastMove } from './past-moves.js'

/** One second each; the later the faster. */
function moved(at: number, sentBytes: number | undefined = at * 1000): PastMove {
  return { vmUuid: 'vm', fromHostId: 'a', toHostId: 'b', begunAt: at * 1000, endedAt: (at + 1) * 1000, sentBytes }
}

const old = Array.from({ length: 30 }, (_, at) => moved(at + 1))

it.each([
  ['the last 20 moves count, newest first in the list', old.toReversed(), { least: 11_000, most: 30_000 }],
  ['and oldest first', old, { least: 11_000, most: 30_000 }],
  [
    'those that tell nothing are left out',
    [...old, ...[40, 41, 42].map((at) => moved(at, 0))],
    { least: 11_000, most: 30_000 },
  ],
  ['two are too few', old.slice(0, 2), undefined],
] as const)('of what was sent %s', (_what, past, rate) => {
  expect(measuredSendRate(past)).toEqual(rate)
})
