import { expect, it } from 'vitest'

import type { Command } from './command.js'
import { givingWay, mostOfKind } from './kept-commands.js'
import { unsettledMoves } from './unsettled-moves.js'

const dayMs = 86_400_000
const now = 100 * dayMs
const done: Command = {
  id: '',
  number: 0,
  verb: 'shutdown',
  args: {},
  hostId: 'a',
  hostName: 'one',
  vmUuid: 'u',
  vmName: 'vm',
  dryRun: false,
  actor: 'ann',
  state: 'succeeded',
  reason: '',
  createdAt: 0,
  startBefore: 0,
  timeoutMs: 0,
  sentAt: 1,
  endedAt: now - dayMs,
  revision: 0,
  verdicts: [],
  output: '',
  outputEnd: 0,
}
const move = { fromHostId: 'a', fromHostName: 'one', toHostId: 'b', toHostName: 'two' }
const moved = { verb: 'migrate', move } as const
const longAgo = { endedAt: now - 8 * dayMs }
const open = { state: 'running', endedAt: undefined } as const

/** Which of the older commands, each with its number from 1, give way to so many newer ones. */
function gone(older: readonly Partial<Command>[], newer: Partial<Command>, count: number = mostOfKind.other): number[] {
  const all = [...older, ...Array.from({ length: count }, () => newer)]
    .map((more, index): Command => ({ ...done, id: `c${index + 1}`, number: index + 1, ...more }))
    .toReversed()
  return givingWay(all, unsettledMoves(all), now)
    .map(({ number }) => number)
    .filter((number) => number <= older.length)
    .toReversed()
}

it.each<[string, Partial<Command>[], number[]]>([
  ['old ones', [{}, {}], [1, 2]],
  ['no open one, nor its steps', [open, { stepOf: 'c1' }, { stepOf: 'c9' }], [3]],
  ['no move of the last week', [moved], []],
  ['moves of before', [{ ...moved, ...longAgo }], [1]],
  ['no move of which nothing is known, however old', [{ ...moved, ...longAgo, state: 'unknown' }], []],
  [
    'one that was resolved, with what resolved it',
    [
      { ...moved, ...longAgo, state: 'unknown' },
      { verb: 'resolve', move, sentAt: undefined, ...longAgo },
    ],
    [1, 2],
  ],
  [
    'neither one of the last week nor what resolved it',
    [
      { ...moved, state: 'unknown' },
      { verb: 'resolve', move, sentAt: undefined },
    ],
    [],
  ],
  ['one that was never sent', [{ ...moved, state: 'expired', sentAt: undefined }], [1]],
])('%s give way', (_what, older, expected) => {
  expect(gone(older, {})).toEqual(expected)
})

it.each<[string, Partial<Command>]>([
  ['refused', { state: 'refused', sentAt: undefined }],
  ['refused by agents', { state: 'refused' }],
  ['dry', { dryRun: true }],
])('those that are %s push out nothing but their like', (_what, newer) => {
  expect(gone([{}, newer, { ...moved, state: 'unknown', ...longAgo }], newer, 20_000)).toEqual([2])
})
