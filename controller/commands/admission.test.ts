import { expect, it } from 'vitest'

import { around, arrayCondition } from '../../test/support/array-condition.js'
import type { ArrayCondition } from '../model/array-condition.js'
import { admissions, calmMs } from './admission.js'
import type { Command } from './command.js'

const base: Command = {
  id: '',
  number: 0,
  verb: 'exec',
  args: { entry: 'backup' },
  hostId: 'h',
  hostName: 'one',
  vmUuid: '',
  vmName: '',
  dryRun: false,
  actor: 'ann',
  state: 'queued',
  reason: '',
  createdAt: 0,
  startBefore: 1000,
  timeoutMs: 500,
  revision: 0,
  verdicts: [],
  output: '',
  outputEnd: 0,
}
const bulk = (number: number, box: string, place = number): Command => ({
  ...base,
  id: `c${number}`,
  number,
  bulk: { boxes: [{ id: box, name: box }], place },
})
const quiet = arrayCondition('idle', { inflowBytesPerSecond: 2e6 })

function said(
  waiting: readonly Command[],
  active: readonly Command[],
  conditions: Readonly<Record<string, ArrayCondition | 'not-yet'>>,
  now = 1e9,
): string[] {
  const all = admissions(waiting, active, (id) => conditions[id], now)
  return [...all].map(([id, one]) => `${id} ${one.admitted ? `goes at ${one.bytesPerSecond}` : one.why}`)
}

it.each<[string, () => string[], string[]]>([
  [
    'one goes, at what others leave of what drains',
    () => said([bulk(1, 'a')], [], { a: quiet }),
    ['c1 goes at 14000000'],
  ],
  [
    'one at a time, and another box does not wait',
    () => said([bulk(1, 'a'), bulk(2, 'a'), bulk(3, 'b')], [], { a: quiet, b: quiet }),
    ['c1 goes at 14000000', 'c2 a: command 1 goes before it', 'c3 goes at 14000000'],
  ],
  [
    'who was put first goes first',
    () => said([bulk(1, 'a'), bulk(2, 'a', 0)], [], { a: quiet }),
    ['c2 goes at 14000000', 'c1 a: command 2 goes before it'],
  ],
  [
    'one is under way',
    () => said([bulk(2, 'a')], [{ ...bulk(1, 'a'), state: 'running' }], { a: quiet }),
    ['c2 a: exec has its place, as command 1'],
  ],
  [
    'the box is full, and its place is kept',
    () => said([bulk(1, 'a'), bulk(2, 'a')], [], { a: arrayCondition('saturated') }),
    ['c1 a: its write cache is full', 'c2 a: command 1 waits before it'],
  ],
  ['it stands still', () => said([bulk(1, 'a')], [], { a: arrayCondition('stalled') }), ['c1 a: it stands still']],
  [
    'it empties, and not for long enough',
    () => said([bulk(1, 'a')], [], { a: { ...quiet, state: 'draining', since: 1e9 - 10_000 } }),
    ['c1 a: its write cache empties; in 20s at the soonest'],
  ],
  [
    'it has emptied for long enough',
    () => said([bulk(1, 'a')], [], { a: { ...quiet, state: 'draining', since: 1e9 - calmMs } }),
    ['c1 goes at 14000000'],
  ],
  [
    'others leave nothing',
    () => said([bulk(1, 'a')], [], { a: { ...quiet, state: 'filling', inflowBytesPerSecond: 40e6 } }),
    ['c1 a: others leave 0 B/s of what it drains'],
  ],
  [
    'nobody knows what drains: no rate',
    () => said([bulk(1, 'a')], [], { a: { ...quiet, drain: { ...around(25e6), basis: 'assumed' } } }),
    ['c1 goes at undefined'],
  ],
  [
    'after a start nothing is known of it yet',
    () => said([bulk(1, 'a')], [], { a: 'not-yet' }),
    ['c1 a: what it does is not known yet'],
  ],
  [
    'what it drains was learnt, and nobody tells what others write',
    () => said([bulk(1, 'a')], [], { a: { ...quiet, state: 'unknown', inflowBytesPerSecond: undefined } }),
    ['c1 a: what others write to it is not known now'],
  ],
  ['nobody watches the box', () => said([bulk(1, 'a')], [], {}), ['c1 goes at undefined']],
])('%s', (_what, found, expected) => {
  expect(found()).toEqual(expected)
})

it('on two boxes waits for both, and keeps to the slower', () => {
  const both: Command = {
    ...bulk(1, 'a'),
    bulk: {
      boxes: [
        { id: 'a', name: 'a' },
        { id: 'b', name: 'b' },
      ],
      place: 1,
    },
  }
  const slow = { ...quiet, drain: { ...around(10e6), basis: 'learnt' as const } }
  expect(said([both, bulk(2, 'b')], [], { a: quiet, b: slow })).toEqual([
    'c1 goes at 4400000',
    'c2 b: command 1 goes before it',
  ])
  expect(said([both], [], { a: quiet, b: arrayCondition('saturated') })).toEqual(['c1 b: its write cache is full'])
})
