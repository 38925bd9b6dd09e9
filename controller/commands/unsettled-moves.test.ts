import { expect, it } from 'vitest'

import type { Command } from './command.js'
import { unsettledMoves } from './unsettled-moves.js'

const move = { fromHostId: 'a', fromHostName: 'one', toHostId: 'b', toHostName: 'two' }
const base: Command = {
  id: 'm',
  number: 1,
  verb: 'migrate',
  args: { to: 'two' },
  hostId: 'a',
  hostName: 'one',
  vmUuid: 'u',
  vmName: 'vm',
  dryRun: false,
  actor: 'ann',
  state: 'running',
  reason: '',
  createdAt: 0,
  startBefore: 120_000,
  timeoutMs: 0,
  sentAt: 1,
  revision: 0,
  verdicts: [],
  output: '',
  outputEnd: 0,
  move,
}
const later = (more: Partial<Command>): Command => ({ ...base, number: 2, ...more })

it.each<[string, readonly Command[], readonly string[]]>([
  ['none', [], []],
  ['one under way', [base], ['1 under-way']],
  ['one that has left its old host', [{ ...base, move: { ...move, hasLeft: true } }], ['1 between']],
  ['one of which nothing is known', [{ ...base, state: 'unknown' }], ['1 between']],
  ['one that failed', [{ ...base, state: 'failed' }], ['1 stayed']],
  ['one that ended well', [{ ...base, state: 'succeeded' }], []],
  ['one that was refused before it was sent', [{ ...base, state: 'refused', sentAt: undefined }], []],
  ['a dry run', [{ ...base, dryRun: true }], []],
  ['one after another', [{ ...base, state: 'unknown' }, later({ state: 'succeeded' })], []],
  [
    'one that a later one never came to',
    [{ ...base, state: 'unknown' }, later({ state: 'refused', sentAt: undefined })],
    ['1 between'],
  ],
  ['one that was resolved', [{ ...base, state: 'unknown' }, later({ verb: 'resolve', state: 'succeeded' })], []],
  [
    'one whose resolving failed',
    [{ ...base, state: 'unknown' }, later({ verb: 'resolve', state: 'failed' })],
    ['1 between'],
  ],
])('says of %s how it stands', (_what, commands, expected) => {
  expect(unsettledMoves(commands).map(({ number, stands }) => `${number} ${stands}`)).toEqual(expected)
})
