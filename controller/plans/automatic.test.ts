import { describe, expect, it } from 'vitest'

import { weekdays } from '../../common/allow-rules.js'
import type { PlannedMove } from '../planner/live/plan.js'
import { automaticMoves, type AutomaticFacts } from './automatic.js'
import { afterLook, type ShadowState } from './plan-shadow.js'

const hour = 3_600_000
/** A Sunday, 23:00 UTC. */
const night = Date.UTC(2012, 0, 15, 23)

function move(vm: string, by: PlannedMove['by'] = 'command', change: Partial<PlannedMove> = {}): PlannedMove {
  const fill = { host: '', memoryBytes: 0, memoryMostBytes: 1, cores: undefined, coresMost: undefined, vms: 0 }
  const both = { before: fill, after: fill }
  return {
    vmUuid: `uuid-${vm}`,
    vm,
    fromHostId: 'a',
    from: 'a',
    toHostId: 'b',
    to: 'b',
    kind: 'live',
    by,
    note: '',
    reason: '',
    gain: 1,
    cost: 0,
    times: { duration: { leastMs: 0, mostMs: 0 }, downtime: { leastMs: 0, mostMs: 0 }, basis: 'assumed' },
    memoryBytes: 0,
    diskBytes: 0,
    source: both,
    target: both,
    runnerUp: { none: '' },
    ...change,
  }
}

const window = { days: [...weekdays], fromMinute: 22 * 60, toMinute: 6 * 60 }
const facts: AutomaticFacts = {
  rules: { holdRounds: 3, automatic: [{ vms: ['web*'], window }] },
  held: 3,
  hits: { moves: 20, rate: 0.9 },
  whyBusy: undefined,
  stoppedPlan: undefined,
  now: night,
  utcOffsetMinutes: 0,
}
const webs = [move('web1'), move('web2')]
const leastGain = 0.1
/** The first half of a way round. */
const detour = move('web3', 'command', { gain: -0.004, cost: 0.004 })

describe('what is moved without anybody’s word', () => {
  it.each([
    [
      'nothing without a line of the policy',
      webs,
      { rules: { holdRounds: 1, automatic: [] } },
      'no line of the policy makes moves automatic',
    ],
    ['nothing where there is nothing', [], {}, 'there is nothing to move'],
    ['nothing before enough looks', webs, { held: 2 }, 'found in 2 of 3 looks in a row'],
    ['nothing beside another plan', webs, { whyBusy: 'plan 3 is applied already' }, 'plan 3 is applied already'],
    [
      'nothing after a plan of its own that stopped',
      webs,
      { stoppedPlan: 7 },
      'plan 7, which began by itself, has stopped: a person has to look at it',
    ],
    ['nothing outside its window', webs, { now: night - 2 * hour }, 'the window for web1 is closed'],
    ['nothing of other VMs', [move('db'), ...webs], {}, 'no line of the policy makes moves of db automatic'],
    ['nothing that a person does', [move('web1', 'person')], {}, 'web1 has to be moved by hand'],
    [
      'nothing of what is worth it only with moves that a person does',
      [detour, move('db')],
      {},
      'only its first move may be done without a person, which gains too little',
    ],
    [
      'nothing that gains less than a plan has to',
      [move('web1', 'command', { gain: 0.1, cost: 0.01 }), move('db')],
      {},
      'only its first move may be done without a person, which gains too little',
    ],
    [
      'nothing once moves do not come as foretold',
      webs,
      { hits: { moves: 10, rate: 0.7 } },
      'automation has stopped itself: 7 of the last 10 moves came as foretold',
    ],
  ])('is %s', (_what, moves, change, why) => {
    expect(automaticMoves({ moves, leastGain }, { ...facts, ...change })).toEqual({ why })
  })

  it('is what a line names, in its window, up to the first that it does not', () => {
    expect(automaticMoves({ moves: webs, leastGain }, facts)).toEqual({ moves: webs })
    expect(automaticMoves({ moves: [...webs, move('db'), move('web3')], leastGain }, facts)).toEqual({ moves: webs })
    // The way round stays off without the move that it is for.
    expect(automaticMoves({ moves: [...webs, detour, move('db')], leastGain }, facts)).toEqual({ moves: webs })
    const whole = [...webs, detour, move('web4')]
    expect(automaticMoves({ moves: whole, leastGain }, facts)).toEqual({ moves: whole })
    expect(automaticMoves({ moves: webs, leastGain }, { ...facts, hits: { moves: 4, rate: 0 } })).toEqual({
      moves: webs,
    })
    expect(
      automaticMoves({ moves: webs, leastGain }, { ...facts, now: night - 9 * hour, utcOffsetMinutes: 9 * 60 }),
    ).toEqual({
      moves: webs,
    })
  })
})

describe('looks', () => {
  const none: ShadowState = { held: 0, firstMove: '', says: '', why: '', at: 0, weeks: [] }
  const look = (before: ShadowState, moves: readonly PlannedMove[], now: number): ShadowState =>
    afterLook(before, { moves, says: 'x' }, now)

  it('count in a row as long as the first move stays', () => {
    const once = look(none, webs, night)
    const twice = look(once, webs, night + 1)
    expect([once.held, twice.held]).toEqual([1, 2])
    expect(look(twice, [move('web2')], night + 2).held).toBe(1)
    expect(look(twice, [], night + 2).held).toBe(0)
  })

  it.each([
    ['half an hour later', 1_800_000, 3],
    ['after a week of which nobody knows anything', 7 * 24 * hour, 1],
    ['after the clock was put back', -2 * hour, 1],
  ])('count %s', (_what, laterMs, held) => {
    const twice = look(look(none, webs, night), webs, night)
    expect(look(twice, webs, night + laterMs).held).toBe(held)
  })

  it('add up to a digest of each week, from Monday on', () => {
    const sunday = look(look(none, webs, night - hour), [], night)
    const monday = look(sunday, [move('web2')], night + hour)
    expect(monday.weeks).toEqual([
      { from: Date.UTC(2012, 0, 16), looks: 1, withMoves: 1, moves: { 'web2 b': 1 } },
      { from: Date.UTC(2012, 0, 9), looks: 2, withMoves: 1, moves: { 'web1 b': 1, 'web2 b': 1 } },
    ])
  })
})
