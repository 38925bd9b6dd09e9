import { expect, it } from 'vitest'

import { buildVm } from '../../test/support/snapshot-builder.js'
import { copiesVerdict, type CopyElsewhere } from './copies.js'
import { preflight } from './preflight.js'

const off: CopyElsewhere = { hostName: 'two', runs: false, isHeard: true }

it.each<readonly [readonly CopyElsewhere[], boolean, RegExp]>([
  [[], true, /nowhere else/],
  [[off], true, /nowhere else/],
  [[off, { ...off, hostName: 'three', runs: true }], false, /^it runs on three/],
  [[{ ...off, runs: true, isHeard: false }], false, /^it runs on two, as far as is known/],
  [[{ ...off, isHeard: false }], false, /^it may run on two, which has it too and is not heard/],
])('a run may begin beside %j: %s', (copies, ok, says) => {
  expect(copiesVerdict(copies)).toEqual({ check: 'copies', ok, says: expect.stringMatching(says) })
})

it('is looked at for what begins a run or lets one go on, and for nothing else', () => {
  const vm = buildVm({ name: 'alpha', host: 'h', memoryMiB: 512, state: 'shutoff' })
  const asker = { name: 'ann', role: 'admin', scope: undefined } as const
  const circumstances = {
    asker,
    owner: undefined,
    rules: undefined,
    open: [],
    copies: [{ ...off, runs: true }],
    now: 0,
  }
  const refusals = (verb: string, args = {}, of = vm): string[] =>
    preflight({ verb, args }, of, circumstances)
      .filter(({ ok }) => !ok)
      .map(({ check }) => check)
  expect(refusals('start')).toEqual(['copies', 'agent'])
  // As a move leaves it on its new host, whatever became of the old one.
  const halted = buildVm({ name: 'alpha', host: 'h', memoryMiB: 512, state: 'paused' })
  expect(refusals('resume', {}, halted)).toEqual(['copies', 'agent'])
  expect(refusals('autostart', { enabled: 'on' })).toEqual(['agent'])
})
