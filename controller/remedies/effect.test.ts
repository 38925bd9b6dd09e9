import { describe, expect, it } from 'vitest'

import { arrayCondition } from '../../test/support/array-condition.js'
import { builtAt, uuidOf } from '../../test/support/snapshot-builder.js'
import { withIo } from '../../test/support/snapshot-io.js'
import { storageFleet, writes } from '../../test/support/storage-fleet.js'
import { watchedOf } from '../../test/support/watched-arrays.js'
import { effectOf, meanOf, measureOf, type Allowed } from './effect.js'
import type { Measure } from './remedy-mark.js'

const slow: Measure = {
  at: 0,
  state: 'saturated',
  neighbourWriteMs: 80,
  fillBytes: 500e6,
  inflowBytesPerSecond: 25e6,
  ownBytesPerSecond: 20e6,
  ownRequestsPerSecond: 40,
}
const quick: Measure = { ...slow, state: 'draining', neighbourWriteMs: 4, fillBytes: 400e6, ownBytesPerSecond: 5e6 }
const limit: Allowed = { bytesPerSecond: 5e6 }

describe('what came of a limit', () => {
  it.each<[string, Measure | undefined, Measure | undefined, Allowed, string]>([
    ['others write much faster', slow, quick, limit, 'helped'],
    ['just at half', slow, { ...quick, neighbourWriteMs: 40 }, limit, 'helped'],
    ['not quite at half', slow, { ...quick, neighbourWriteMs: 41 }, limit, 'did-not-help'],
    [
      'a cache that empties makes no good of others who wait',
      slow,
      { ...quick, neighbourWriteMs: 80 },
      limit,
      'did-not-help',
    ],
    [
      'too quick for half to matter',
      { ...slow, neighbourWriteMs: 3 },
      { ...quick, neighbourWriteMs: 1.9 },
      limit,
      'helped',
    ],
    [
      'nothing ended before',
      { ...slow, state: 'stalled', neighbourWriteMs: undefined },
      { ...quick, neighbourWriteMs: 1 },
      limit,
      'helped',
    ],
    [
      'it stands still as before',
      { ...slow, state: 'stalled', neighbourWriteMs: undefined },
      { ...slow, state: 'stalled', ownBytesPerSecond: undefined },
      limit,
      'did-not-help',
    ],
    [
      'nobody waited yet, and it empties',
      { ...slow, neighbourWriteMs: 1, state: 'near-full' },
      { ...quick, neighbourWriteMs: 1 },
      limit,
      'helped',
    ],
    [
      'nobody waited yet, and it is as full',
      { ...slow, neighbourWriteMs: 1, state: 'near-full' },
      { ...quick, neighbourWriteMs: 1, fillBytes: 490e6 },
      limit,
      'did-not-help',
    ],
    [
      'what comes in is not known',
      { ...slow, neighbourWriteMs: 1, state: 'near-full', inflowBytesPerSecond: undefined },
      { ...quick, neighbourWriteMs: 1, fillBytes: 490e6 },
      limit,
      'unknown',
    ],
    [
      'nothing is known',
      { ...slow, neighbourWriteMs: undefined, fillBytes: undefined },
      { ...quick, neighbourWriteMs: undefined, fillBytes: undefined },
      limit,
      'unknown',
    ],
    ['it may have ended by itself', slow, { ...quick, ownBytesPerSecond: 1e6 }, limit, 'unknown'],
    [
      'the same, limited by requests',
      slow,
      { ...quick, ownRequestsPerSecond: 5 },
      { requestsPerSecond: 100 },
      'unknown',
    ],
    ['nobody watched before', undefined, quick, limit, 'unknown'],
    ['nobody watched after', slow, undefined, limit, 'unknown'],
  ])('%s', (_what, before, after, allowed, expected) => {
    expect(effectOf(before, after, allowed, 7)).toMatchObject({ outcome: expected, at: 7 })
  })

  it('says by which figures', () => {
    expect(effectOf(slow, quick, limit, 0).says).toBe(
      "writes of the others are much faster; others' writes take 4 ms, before 80 ms; come in: 25 MB/s, before 25 MB/s; in the cache: 400 MB, before 500 MB",
    )
  })
})

describe('a measure', () => {
  const fleet = withIo(storageFleet(), { vms: { p1: writes(100, 20), c1: writes(30, 10), x1: writes(10, 50) } })
  const watched = watchedOf(arrayCondition('saturated'))

  it('is of all others by their requests, and of the one apart', () => {
    expect(measureOf(watched, uuidOf('p1'), fleet)).toMatchObject({
      at: builtAt,
      state: 'saturated',
      neighbourWriteMs: 20,
      fillBytes: 400e6,
      ownBytesPerSecond: 6_553_600,
      ownRequestsPerSecond: 100,
    })
  })

  it('knows nothing of what was read long ago', () => {
    const late = measureOf(watched, uuidOf('p1'), { ...fleet, at: builtAt + 6000 })
    expect([late.neighbourWriteMs, late.ownBytesPerSecond]).toEqual([undefined, undefined])
  })

  it('of several seconds is their mean, of what is known', () => {
    expect(meanOf([{ ...slow, neighbourWriteMs: undefined }, slow, { ...quick, at: 9 }])).toMatchObject({
      at: 9,
      state: 'draining',
      neighbourWriteMs: 42,
    })
    expect(meanOf([])).toBeUndefined()
  })
})
