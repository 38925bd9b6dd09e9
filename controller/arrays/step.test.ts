import { describe, expect, test } from 'vitest'

import { Dice } from '../../test/arrays/dice.js'
import { plainSpec } from '../../test/arrays/hidden-specs.js'
import { judgeOverflows, judgeStates } from '../../test/arrays/trials/judging.js'
import { nineArrays } from '../../test/arrays/trials/learning.js'
import { mixed } from '../../test/arrays/trials/mixed.js'
import { stalls } from '../../test/arrays/trials/stalls.js'
import type { ArrayTick } from '../model/array-condition.js'
import { newArrayModel, resumed, type ArrayModel } from './array-model.js'
import { step } from './step.js'

const MB = 1e6
const settings = { bulkCopyBytesPerSecond: undefined }
const startMs = 1_772_409_600_000

/** A second in which nothing was done. */
function still(second: number, changes: Partial<ArrayTick> = {}): ArrayTick {
  return {
    at: startMs + second * 1000,
    seconds: 1,
    writeBytes: 0,
    late: undefined,
    largestWriterBytes: 0,
    readBytes: 0,
    writeRequests: 0,
    readRequests: 0,
    writeLatencyMs: undefined,
    readLatencyMs: undefined,
    inFlight: 0,
    canaryMs: 1.5,
    canaryOverdueMs: undefined,
    smallWriteLatencyMs: undefined,
    writeCache: undefined,
    rebuilding: undefined,
    degraded: undefined,
    ...changes,
  }
}

function writing(second: number, bytes: number, changes: Partial<ArrayTick> = {}): ArrayTick {
  return still(second, { writeBytes: bytes, writeRequests: bytes / 262_144, largestWriterBytes: bytes, ...changes })
}

function asKept(model: ArrayModel): ArrayModel {
  const kept: ArrayModel = JSON.parse(JSON.stringify(model))
  return kept
}

/** What is said after all these. */
function after(model: ArrayModel, ticks: readonly ArrayTick[]): ReturnType<typeof step> {
  let last = step(model, ticks[0] ?? still(0), settings)
  for (const tick of ticks.slice(1)) last = step(last.model, tick, settings)
  return last
}

function seconds(count: number, make: (second: number) => ArrayTick, from = 0): ArrayTick[] {
  return Array.from({ length: count }, (_, index) => make(from + index))
}

describe('hidden arrays, from nothing', () => {
  test.each(['all', 'disks', 'canary'] as const)('two overflows tell capacity and drain (%s)', (kit) => {
    const all = [...nineArrays(5, 1, kit)]
    for (const { drainError } of all) expect(Math.abs(drainError)).toBeLessThan(0.2)
    // A cache of 50 MB is full within two reports of a fast writer.
    expect(all.filter(({ capacityError }) => Math.abs(capacityError) < 0.3).length).toBeGreaterThanOrEqual(8)
  })

  test('states are right, and overflows are foretold', () => {
    const dice = new Dice(3, 'short')
    const { moments, taught } = mixed(plainSpec(dice, 200 * MB, 8 * MB), 'all', dice, 4)
    const { rightNearby, seconds } = judgeStates(moments)
    expect(rightNearby / seconds).toBeGreaterThan(0.9)
    const foretold = judgeOverflows(moments.filter(({ second }) => second >= taught))
    expect(foretold.length).toBeGreaterThan(0)
    for (const { warned, builtSeconds } of foretold) expect(warned || builtSeconds < 3).toBe(true)
  })

  test('an array that stands still is told within 8 seconds, and jobs that end are not', () => {
    const { toldAfterSeconds, falseStalls } = stalls(2, 1, 10, 'all')
    expect(toldAfterSeconds.every((seconds) => seconds !== undefined && seconds <= 8)).toBe(true)
    expect(falseStalls).toBe(0)
  })
})

describe('what is known beforehand', () => {
  const told = { capacityBytes: 200 * MB, drainBytesPerSecond: 8 * MB, basis: 'policy' } as const

  test('without it, everything is assumed, and intervals are wide', () => {
    const { condition } = after(newArrayModel('a', undefined, startMs), [still(0)])
    expect(condition.capacity.basis).toBe('assumed')
    expect(condition.capacity.high / condition.capacity.low).toBeGreaterThan(20)
    expect(condition.drains).toEqual({})
  })

  test('policy gives estimates, time to saturation and burst headroom at once', () => {
    const { condition } = after(
      newArrayModel('a', told, startMs),
      seconds(3, (at) => writing(at, 40 * MB)),
    )
    expect(condition.capacity.basis).toBe('policy')
    expect(condition.drains.sequential?.basis).toBe('policy')
    expect(condition.state).toBe('filling')
    const left = (200 - 3 * 32) / 32
    expect(condition.secondsToSaturation?.low).toBeLessThan(left)
    expect(condition.secondsToSaturation?.high).toBeGreaterThan(left)
    expect(condition.burst.bulkCopyBytesPerSecond).toBe(100 * MB)
    expect(condition.burst.bulkCopies).toBe(0)
    expect(condition.burst.secondsForTwoCopies?.likely).toBeLessThan(1)
  })

  test('bytes that came in without a cliff say that more fits', () => {
    const { condition } = after(
      newArrayModel('a', told, startMs),
      seconds(30, (at) => writing(at, 40 * MB)),
    )
    expect(condition.capacity.low).toBeGreaterThan(400 * MB)
    expect(condition.overflows).toBe(0)
  })
})

describe('single states', () => {
  const told = { capacityBytes: 200 * MB, drainBytesPerSecond: 8 * MB, basis: 'policy' } as const

  test('the doubt about the fill grows while it drains, and ends when it is long over', () => {
    const idle = after(
      newArrayModel('a', told, startMs),
      seconds(60, (at) => still(at)),
    )
    const filled = after(
      idle.model,
      seconds(4, (at) => writing(at, 40 * MB), 60),
    )
    const width = ({ fill }: typeof filled.condition): number => (fill?.high ?? 0) - (fill?.low ?? 0)
    const later = after(
      filled.model,
      seconds(8, (at) => still(at), 64),
    )
    expect(later.condition.state).toBe('draining')
    expect(width(later.condition)).toBeGreaterThan(width(filled.condition))
    const long = after(
      later.model,
      seconds(120, (at) => still(at), 72),
    )
    expect(long.condition.state).toBe('idle')
    expect(long.condition.fill?.likely).toBe(0)
  })

  test('one slow second is no cliff', () => {
    const calm = seconds(30, (at) => writing(at, 2 * MB, { smallWriteLatencyMs: 1.6 }))
    const slow = writing(30, 2 * MB, { canaryMs: 12, smallWriteLatencyMs: 1.7 })
    expect(after(newArrayModel('a', told, startMs), [...calm, slow]).condition.state).toBe('idle')
  })

  describe('a slow array whose cache is not full', () => {
    const quiet = seconds(60, (at) => still(at))

    test('is not taken for full while its writers go faster', () => {
      let last = after(newArrayModel('a', undefined, startMs), quiet)
      for (const [index, bytes] of [10, 36, 75].entries()) {
        last = step(last.model, writing(60 + index, bytes * MB, { canaryMs: 30, writeLatencyMs: 20 }), settings)
        expect(last.condition.state).not.toBe('saturated')
      }
    })

    test('is not taken for full while it takes twice what drains', () => {
      const slow = (at: number): ArrayTick => writing(at, 20 * MB, { canaryMs: 30, writeLatencyMs: 20 })
      const { condition } = after(newArrayModel('a', told, startMs), [...quiet, ...seconds(6, slow, 60)])
      expect(condition.state).toBe('filling')
      expect(condition.overflows).toBe(0)
    })

    test('is not taken for full where small writes are slow at all times, now and then', () => {
      const noisy = (at: number): ArrayTick => still(at, { canaryMs: [1, 40, 3, 15, 90][at % 5] ?? 1 })
      const busy = (at: number): ArrayTick => writing(at, 5 * MB, { canaryMs: 60 })
      const { condition } = after(newArrayModel('a', told, startMs), [...seconds(120, noisy), ...seconds(4, busy, 120)])
      expect(condition.overflows).toBe(0)
    })

    test('that was taken for full is full where its throughput falls to half and stays there', () => {
      const slow = (at: number): ArrayTick => writing(at, 30 * MB, { canaryMs: 30, writeLatencyMs: 20 })
      const full = (at: number): ArrayTick => writing(at, 8 * MB, { canaryMs: 30, writeLatencyMs: 60 })
      const mistaken = after(newArrayModel('a', undefined, startMs), [...quiet, ...seconds(8, slow, 60)])
      expect(mistaken.condition.drain.likely).toBeGreaterThan(25 * MB)
      const { condition } = after(mistaken.model, seconds(8, full, 68))
      expect(condition.drain.likely / (8 * MB)).toBeCloseTo(1, 1)
      // 30 MB/s came in for 8 s, of which 8 MB/s drained.
      expect(Math.abs(condition.capacity.likely / (176 * MB) - 1)).toBeLessThan(0.15)
      expect(condition.overflows).toBe(1)
    })
  })

  test('write-through counts at the next step', () => {
    const { model } = after(
      newArrayModel('a', told, startMs),
      seconds(5, (at) => still(at)),
    )
    const { condition } = step(model, writing(5, 5 * MB, { writeCache: 'write-through' }), settings)
    expect(condition).toMatchObject({ state: 'write-through', fill: undefined, capacity: { high: 0 } })
    expect(condition.burst.room.high).toBe(0)
    expect(condition.drain.likely).toBeLessThan(8 * MB)
  })

  test('nobody tells what is written: unknown', () => {
    const silent = (at: number): ArrayTick => still(at, { writeBytes: undefined, writeRequests: undefined })
    expect(after(newArrayModel('a', told, startMs), seconds(5, silent)).condition.state).toBe('unknown')
  })

  test('requests that wait for one report are no stall; silence is none either', () => {
    const waiting = (at: number): ArrayTick => still(at, { inFlight: 2, canaryMs: undefined })
    const early = after(newArrayModel('a', told, startMs), seconds(4, waiting))
    expect(early.condition.state).not.toBe('stalled')
    expect(after(early.model, seconds(2, waiting, 4)).condition.state).toBe('stalled')
    const silent = (at: number): ArrayTick =>
      still(at, { inFlight: undefined, writeRequests: undefined, readRequests: undefined, canaryMs: undefined })
    expect(after(early.model, seconds(20, silent, 4)).condition.state).not.toBe('stalled')
  })
})

describe('what is not known', () => {
  const told = { capacityBytes: 200 * MB, drainBytesPerSecond: 8 * MB, basis: 'policy' } as const

  test('what was in the cache at first is told when it must have drained, and not before', () => {
    const first = after(newArrayModel('a', told, startMs), [still(0)])
    expect(first.condition.fill).toBeUndefined()
    expect(first.condition.burst.room.low).toBeLessThan(150 * MB)
    const later = after(
      first.model,
      seconds(60, (at) => still(at), 1),
    )
    expect(later.condition.fill).toEqual({ low: 0, likely: 0, high: 0 })
  })

  test('seconds of which nobody tells move nothing, and then the next report counts for them', () => {
    const idle = after(
      newArrayModel('a', told, startMs),
      seconds(60, (at) => still(at)),
    )
    const filled = after(
      idle.model,
      seconds(4, (at) => writing(at, 40 * MB), 60),
    )
    const silent = after(
      filled.model,
      seconds(3, (at) => still(at, { writeBytes: undefined }), 64),
    )
    expect(silent.model.belief.levels).toEqual(filled.model.belief.levels)
    const { belief } = after(silent.model, [still(67)]).model
    const told4 = after(filled.model, [still(67, { seconds: 4 })])
    expect(belief.levels).toEqual(told4.model.belief.levels)
  })

  test('bytes of a time that is long over teach nothing', () => {
    const idle = after(
      newArrayModel('a', told, startMs),
      seconds(60, (at) => still(at)),
    )
    const late = still(60, {
      writeBytes: undefined,
      largestWriterBytes: undefined,
      late: { bytes: 8100 * MB, seconds: 900 },
    })
    const { model, condition } = after(idle.model, [late, writing(61, MB)])
    expect(model.belief.knowledge).toEqual(idle.model.belief.knowledge)
    expect(model.evidence.writer.runs).toBe(0)
    expect(condition.overflows).toBe(0)
    expect(condition.fill).toBeUndefined()
    expect(condition.burst.room.low).toBeLessThan(60 * MB)
    expect(condition.burst.room.high).toBeGreaterThan(100 * MB)
  })

  test('a restart keeps what was learnt, and nothing of that moment', () => {
    const full = after(newArrayModel('a', told, startMs), [
      ...seconds(60, (at) => writing(at, 0.5 * MB, { canaryMs: 1.5 })),
      ...seconds(8, (at) => writing(at, 40 * MB, { canaryMs: 1.5 }), 60),
      ...seconds(12, (at) => writing(at, 8 * MB, { canaryMs: 15, inFlight: 2 }), 68),
    ])
    expect(full.condition.state).toBe('saturated')
    const model = resumed(asKept(full.model), startMs + 90_000)
    expect(model.belief.estimates).toEqual(full.model.belief.estimates)
    expect(model.evidence.pressure.calm).toEqual(full.model.evidence.pressure.calm)
    expect(model.belief.plateau).toBeUndefined()
    const { condition } = step(model, still(90), settings)
    expect(condition).toMatchObject({ state: 'idle', overflows: 1, fill: undefined })
  })
})

test('the same ticks give the same, and plain data keeps all of it', () => {
  const ticks = seconds(40, (at) => writing(at, at < 20 ? 40 * MB : 6 * MB, { canaryMs: at < 20 ? 2 : 14 }))
  const whole = after(newArrayModel('a', undefined, startMs), ticks)
  let model = newArrayModel('a', undefined, startMs)
  for (const tick of ticks) model = asKept(step(model, tick, settings).model)
  expect(asKept(whole.model)).toEqual(model)
})
