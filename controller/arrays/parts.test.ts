import { describe, expect, test } from 'vitest'

import type { ArrayTick } from '../model/array-condition.js'
import { newArrayModel, withPrior } from './array-model.js'
import { resampled } from './chance.js'
import { fillAfter, listed, type Guess } from './guess.js'
import { bulkCopyOf, noWriter, writerAfter } from './largest-writer.js'
import { emptyLedger, enter } from './ledger.js'
import { contentAfter, loadClassOf } from './load-class.js'
import { intervalOf } from './quantiles.js'
import { stillAfter } from './stall.js'
import { survive, type Held } from './survive.js'

const MB = 1e6

function tick(changes: Partial<ArrayTick>): ArrayTick {
  return {
    at: 0,
    seconds: 1,
    writeBytes: undefined,
    late: undefined,
    largestWriterBytes: undefined,
    readBytes: undefined,
    writeRequests: undefined,
    readRequests: undefined,
    writeLatencyMs: undefined,
    readLatencyMs: undefined,
    inFlight: undefined,
    canaryMs: undefined,
    canaryOverdueMs: undefined,
    smallWriteLatencyMs: undefined,
    writeCache: undefined,
    rebuilding: undefined,
    degraded: undefined,
    ...changes,
  }
}

const none = { bytes: 0, requests: 0 }
const copied = { bytes: 100 * MB, requests: 400 }
const strewn = { bytes: 40 * MB, requests: 10_000 }

test.each([
  ['a copy', tick({ writeBytes: 40 * MB, writeRequests: 160 }), copied, 'sequential'],
  ['blocks here and there', tick({ writeBytes: 4 * MB, writeRequests: 1000 }), strewn, 'random'],
  ['small writes while a copy drains', tick({ writeBytes: 0.1 * MB, writeRequests: 25 }), copied, 'sequential'],
  [
    'many reads',
    tick({ writeBytes: MB, writeRequests: 4, readBytes: 8 * MB, readRequests: 100 }),
    copied,
    'with-reads',
  ],
  ['few reads', tick({ writeBytes: MB, writeRequests: 4, readBytes: MB, readRequests: 4 }), copied, 'sequential'],
  ['a rebuild', tick({ writeBytes: MB, rebuilding: true }), copied, 'rebuild'],
  ['a rebuild of what is degraded', tick({ rebuilding: true, degraded: true }), copied, 'rebuild'],
  ['a missing disk', tick({ writeBytes: MB, rebuilding: false, degraded: true }), copied, 'degraded'],
  ['a missing disk and no cache', tick({ writeCache: 'write-through', degraded: true }), copied, 'write-through'],
  ['no cache, rebuild or not', tick({ writeCache: 'write-through', rebuilding: true }), copied, 'write-through'],
  ['nothing known', tick({}), none, 'sequential'],
] as const)('the load of %s', (_, one, content, expected) => {
  expect(loadClassOf(one, content, 'sequential')).toBe(expected)
})

test('the content is what came in last, as much as the cache holds', () => {
  const copy = tick({ writeBytes: 60 * MB, writeRequests: 240 })
  const full = contentAfter(contentAfter(none, copy, 0), copy, 100 * MB)
  expect(full.bytes).toBe(100 * MB)
  const drained = contentAfter(full, tick({ writeBytes: MB, writeRequests: 250 }), 2 * MB)
  expect(drained.bytes).toBe(2 * MB)
  expect(drained.bytes / drained.requests).toBeLessThan(full.bytes / full.requests)
})

const drains = {
  sequential: 8 * MB,
  random: 4 * MB,
  'with-reads': 5 * MB,
  rebuild: 5 * MB,
  degraded: 6 * MB,
  'write-through': 5 * MB,
}
const eager: Guess = { capacityBytes: 200 * MB, drains, eagerness: 1 }

test.each([
  ['fills by what does not drain', 1, 10, 40, 42],
  ['does not go below empty', 1, 2, 1, 0],
  ['fills by all, if it waits', 0, 10, 40, 50],
  ['empties all the same when little comes in', 0, 10, 1, 3],
])('a guess %s', (_, eagerness, fill, bytes, after) => {
  expect(fillAfter(fill * MB, drains.sequential, eagerness, bytes * MB, 1)).toBeCloseTo(after * MB)
})

describe('guesses that hold more than they can', () => {
  const flows = Array.from({ length: 60 }, () => ({ bytes: 20 * MB, seconds: 1, loadClass: 'sequential' as const }))
  const ledger = { from: 'empty', flows } as const
  const heldBy = (sizes: readonly number[], fill: number): Held => ({
    guesses: listed(sizes.map((size) => ({ ...eager, capacityBytes: size * MB }))),
    fills: sizes.map(() => fill * MB),
    peaks: sizes.map(() => 2),
  })

  test('are refuted, however long they were, and those that fit are kept', () => {
    const { guesses, fills } = survive(heldBy([200, 900, 210, 220], 720), ledger, 'sequential', { seed: 1 })
    for (const size of guesses.capacityBytes) expect(size).toBeGreaterThan(800 * MB)
    expect(fills).toEqual([720, 720, 720, 720].map((fill) => fill * MB))
  })

  test('if none fits, one half is larger and the other faster', () => {
    const { guesses, fills } = survive(heldBy([200, 210, 220, 230], 720), ledger, 'sequential', { seed: 1 })
    const isLarger = guesses.capacityBytes.map((size) => size >= 720 * MB)
    expect(isLarger).toEqual([true, false, true, false])
    for (const [index, fill] of fills.entries()) expect(fill).toBeLessThanOrEqual(guesses.capacityBytes[index] ?? 0)
    // A minute of 20 MB/s fits into neither 210 nor 230 MB, unless this much of it drains.
    const { sequential } = guesses.drains
    expect(sequential[1]).toBeGreaterThanOrEqual((1200 * MB - 210 * MB) / 60)
    expect(sequential[3]).toBeGreaterThanOrEqual((1200 * MB - 230 * MB) / 60)
  })
})

test.each([1, 2, 3, 10, 63, 64])('the interval of %i values is of their ranks', (count) => {
  const values = Array.from({ length: count }, (_, index) => (index * 37) % count)
  const at = (rank: number): number => values.toSorted((a, b) => a - b)[rank] ?? 0
  const last = count - 1
  const expected = { low: Math.round(0.1 * last), likely: Math.floor(count / 2), high: Math.round(0.9 * last) }
  expect(intervalOf(values)).toEqual({ low: at(expected.low), likely: at(expected.likely), high: at(expected.high) })
})

test('a long ledger is shorter, and has all bytes and seconds', () => {
  let ledger = emptyLedger
  for (let second = 0; second < 150; second += 1) {
    ledger = enter(ledger, { bytes: second, seconds: 1, loadClass: 'sequential' })
  }
  const sum = (of: 'bytes' | 'seconds'): number => ledger.flows.reduce((total, flow) => total + flow[of], 0)
  expect(ledger.flows.length).toBeLessThanOrEqual(64)
  expect([sum('bytes'), sum('seconds')]).toEqual([(149 * 150) / 2, 150])
  expect(ledger.flows.at(-1)?.seconds).toBe(1)
})

test('of changing loads the oldest are forgotten', () => {
  let ledger = emptyLedger
  for (let second = 0; second < 500; second += 1) {
    ledger = enter(ledger, { bytes: 1, seconds: 1, loadClass: second % 2 === 0 ? 'random' : 'sequential' })
  }
  expect(ledger.flows.length).toBeLessThanOrEqual(64)
})

test('a bulk copy is as fast as the wire until five that nothing slowed were seen', () => {
  const write = (bytes: number): ArrayTick => tick({ largestWriterBytes: bytes })
  let writer = noWriter
  for (let run = 0; run < 5; run += 1) {
    expect(bulkCopyOf(writer)).toBe(100 * MB)
    for (let second = 0; second < 4; second += 1) writer = writerAfter(writer, write(30 * MB), false)
    for (let second = 0; second < 20; second += 1) writer = writerAfter(writer, write(12 * MB), true)
    for (let second = 0; second < 20; second += 1) writer = writerAfter(writer, write(0), false)
  }
  expect(bulkCopyOf(writer)).toBeCloseTo(30 * MB, -4)
  for (let week = 0; week < 100; week += 1) {
    writer = writerAfter(writer, tick({ seconds: 7 * 86_400, largestWriterBytes: 0 }), false)
  }
  expect(bulkCopyOf(writer)).toBe(10 * MB)
})

test('one that the full cache slows at once was a bulk copy too', () => {
  const write = (bytes: number): ArrayTick => tick({ largestWriterBytes: bytes })
  let writer = { ...noWriter, mostBytesPerSecond: 16 * MB, runs: 5 }
  writer = writerAfter(writer, write(80 * MB), false)
  writer = writerAfter(writer, write(20 * MB), true)
  expect(bulkCopyOf(writer)).toBe(80 * MB)
})

test.each([
  ['waiting requests, none ended', tick({ inFlight: 1, writeRequests: 0, readRequests: 0 }), 4],
  ['one that ended', tick({ inFlight: 9, writeRequests: 1, readRequests: 0 }), 0],
  ['nothing that waits', tick({ inFlight: 0, writeRequests: 0, readRequests: 0 }), 0],
  ['hosts that tell nothing', tick({}), 3],
  ['what ended at some moment of a long time', tick({ inFlight: 3, late: { bytes: MB, seconds: 900 } }), 3],
  ['an overdue canary', tick({ writeRequests: 0, canaryOverdueMs: 6000 }), 6],
  ['a canary that came back', tick({ inFlight: 2, writeRequests: 0, canaryMs: 30 }), 0],
])('still for how long, with %s', (_, one, seconds) => {
  expect(stillAfter(3, one)).toBe(seconds)
})

test('each is kept as often as its weight says', () => {
  const kept = resampled([0, 1, 0, 3], { seed: 1 })
  expect(kept).toEqual([1, 3, 3, 3])
})

test('another prior begins anew, but not what was learnt', () => {
  const told = { capacityBytes: 200 * MB, drainBytesPerSecond: 8 * MB, basis: 'policy' } as const
  const first = newArrayModel('a', undefined, 0)
  expect(withPrior(first, undefined, 1)).toBe(first)
  const second = withPrior(first, told, 1)
  expect(second.belief.estimates.capacity.basis).toBe('policy')
  const { knowledge } = second.belief
  const learnt = {
    ...second,
    belief: { ...second.belief, knowledge: { ...knowledge, capacityTold: 'learnt' as const } },
  }
  expect(withPrior(learnt, undefined, 2).belief).toBe(learnt.belief)
})
