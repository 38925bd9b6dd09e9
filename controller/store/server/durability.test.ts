import { expect, it } from 'vitest'

import { Durability } from './durability.js'

interface Step {
  /** Seconds. */
  readonly at: number
  readonly starts?: Readonly<Record<string, number>>
  readonly young?: boolean
  readonly clear?: boolean
  readonly complete?: boolean
}

/** What each look says: `lost`, or the second before which all is on disk. */
function verdicts(steps: readonly Step[]): (number | 'lost' | undefined)[] {
  const durability = new Durability(60_000)
  return steps.map(({ at, starts = { node: 1 }, young = false, clear = true, complete = true }) => {
    const verdict = durability.take({
      atMs: at * 1000,
      processes: new Map(Object.entries(starts).map(([url, startedAt]) => [url, { startedAt, isYoung: young }])),
      isComplete: complete,
      isClear: clear,
    })
    if (verdict.hasRestarted) return 'lost'
    return verdict.confirmedBeforeMs === undefined ? undefined : verdict.confirmedBeforeMs / 1000
  })
}

it.each<[string, readonly Step[], readonly (number | 'lost' | undefined)[]]>([
  ['not at the first look', [{ at: 100 }], [undefined]],
  [
    'after the flush interval, what was sent a little before a look',
    [{ at: 100 }, { at: 159 }, { at: 160 }],
    [undefined, undefined, 95],
  ],
  ['look by look', [{ at: 100 }, { at: 110 }, { at: 165 }, { at: 175 }], [undefined, undefined, 95, 105]],
  ['looks that were missed are caught up', [{ at: 100 }, { at: 110 }, { at: 300 }], [undefined, undefined, 105]],
  [
    'nothing from before a crash',
    [{ at: 100 }, { at: 155, starts: { node: 2 } }, { at: 170, starts: { node: 2 } }, { at: 215, starts: { node: 2 } }],
    [undefined, 'lost', undefined, 150],
  ],
  [
    'nothing of the first two seconds: a crash in them would not be seen',
    [{ at: 100, young: true }, { at: 101, young: true }, { at: 102 }, { at: 161 }, { at: 162 }],
    [undefined, undefined, 'lost', undefined, 97],
  ],
  [
    'one of several that crashed is enough',
    [
      { at: 100, starts: { a: 1, b: 1 } },
      { at: 170, starts: { a: 1, b: 2 } },
    ],
    [undefined, 'lost'],
  ],
  [
    'only what had reached the nodes at a look',
    [{ at: 100, clear: false }, { at: 120 }, { at: 170 }, { at: 180 }],
    [undefined, undefined, undefined, 115],
  ],
  [
    'nothing while one of them is away, and nothing from before when it was lost meanwhile',
    [
      { at: 100, starts: { a: 1, b: 1 } },
      { at: 200, starts: { a: 1 }, complete: false },
      { at: 210, starts: { a: 1, b: 2 } },
    ],
    [undefined, undefined, 'lost'],
  ],
  [
    'what was sent before one of them was away, when it is still the same',
    [
      { at: 100, starts: { a: 1, b: 1 } },
      { at: 200, starts: { a: 1 }, complete: false },
      { at: 210, starts: { a: 1, b: 1 } },
    ],
    [undefined, undefined, 95],
  ],
  [
    'nothing from before one of them was first seen',
    [
      { at: 100, starts: { a: 1 }, complete: false },
      { at: 200, starts: { a: 1, b: 1 } },
    ],
    [undefined, 'lost'],
  ],
  [
    'never while nothing is clear',
    [
      { at: 100, clear: false },
      { at: 500, clear: false },
    ],
    [undefined, undefined],
  ],
])('confirms %s', (_what, steps, expected) => {
  expect(verdicts(steps)).toEqual(expected)
})
