import { describe, expect, it } from 'vitest'

import type { EventObservation } from '../model/observation.js'
import { Contradictions } from './contradictions.js'
import { Moves } from './moves.js'
import { VmCopy, type CopyContext } from './vm-copy.js'

const uuid = 'vm'
const contextOf = (hostId: string): CopyContext => ({
  hostId,
  simulated: false,
  capabilities: [],
  contradictions: new Contradictions(),
  seriesId: uuid,
})

function left(moves: Moves, hostId: string, leftAt: number, now = leftAt): void {
  const copy = new VmCopy(uuid, contextOf(hostId), 0)
  const event: EventObservation = {
    at: leftAt,
    vmUuid: uuid,
    vmName: '',
    kind: 'suspended',
    reason: 'migration',
    message: '',
  }
  copy.happened(event)
  moves.heard(copy, contextOf(hostId), now)
}

describe('the departure of an arrival', () => {
  const arrival = { comingSince: 100_000, cameAt: 110_000, first: undefined }

  it.each<[string, readonly (readonly [host: string, leftAt: number])[], number | undefined]>([
    ['while it was being received', [['a', 109_800]], 109_800],
    ['long before', [['a', 90_000]], undefined],
    ['long after', [['a', 113_000]], undefined],
    ['by a clock that is a little fast', [['a', 111_500]], 111_500],
    ['by a clock that is a little slow', [['a', 98_500]], 98_500],
    ['its own, not long ago', [['b', 99_000]], undefined],
    [
      'the nearest, whichever was told first',
      [
        ['a', 109_000],
        ['c', 101_000],
      ],
      109_000,
    ],
    [
      'the nearest, whichever was told last',
      [
        ['c', 101_000],
        ['a', 109_000],
      ],
      109_000,
    ],
  ])('is the one from another host: %s', (_what, departures, leftAt) => {
    const moves = new Moves()
    for (const [host, at] of departures) left(moves, host, at)
    expect(moves.before(uuid, 'b', arrival)?.leftAt).toBe(leftAt)
    expect(moves.before('another', 'b', arrival)).toBe(undefined)
  })

  it('may be a minute ago if nothing told when it began to be received', () => {
    const moves = new Moves()
    left(moves, 'a', 60_000)
    expect(moves.before(uuid, 'b', { ...arrival, comingSince: undefined })?.leftAt).toBe(60_000)
    expect(moves.before(uuid, 'b', { comingSince: undefined, cameAt: 125_000, first: undefined })).toBe(undefined)
  })

  it('is forgotten an hour after the VM was last heard of, by our own clock', () => {
    const moves = new Moves()
    left(moves, 'a', 109_800, 5_000_000)
    moves.prune(5_000_000 + 60 * 60_000)
    expect(moves.before(uuid, 'b', arrival)?.leftAt).toBe(109_800)
    moves.prune(5_000_001 + 60 * 60_000)
    expect(moves.before(uuid, 'b', arrival)).toBe(undefined)
  })

  it('is one of the last 64 of a VM', () => {
    const moves = new Moves()
    left(moves, 'a', 109_800)
    for (let at = 1; at <= 63; at += 1) left(moves, 'a', at)
    expect(moves.before(uuid, 'b', arrival)?.leftAt).toBe(109_800)
    left(moves, 'a', 64)
    expect(moves.before(uuid, 'b', arrival)).toBe(undefined)
  })
})
