import { describe, expect, test } from 'vitest'

import {
  createArrayState,
  createDiskTurn,
  freezeAfterMs,
  freezeForMs,
  stepArray,
  type ArrayModel,
  type ArrayState,
  type DiskTurn,
} from './cached-array.js'

const MB = 1e6
const box: ArrayModel = {
  cacheBytes: 200 * MB,
  drainBytesPerSecond: 8 * MB,
  wireBytesPerSecond: 60 * MB,
  readBytesPerSecond: 80 * MB,
  seekSeconds: 0.002,
  baseReadSeconds: 0.0023,
  baseWriteSeconds: 0.0015,
  freezes: true,
}

function disk(want: Partial<DiskTurn>): DiskTurn {
  return { ...createDiskTurn(), ...want }
}

interface Run {
  readonly state: ArrayState
  readonly disks: readonly DiskTurn[]
  readonly writtenBytes: number
  readonly drainedBytes: number
}

/** Runs disks whose wants are per second. */
function run(
  model: ArrayModel,
  perSecond: readonly DiskTurn[],
  seconds: number,
  stepMs = 250,
  state = createArrayState(model),
): Run {
  const disks = perSecond.map((one) => ({
    ...one,
    writeWant: (one.writeWant * stepMs) / 1000,
    readWant: (one.readWant * stepMs) / 1000,
  }))
  let writtenBytes = 0
  let drainedBytes = 0
  for (let atMs = 0; atMs < seconds * 1000; atMs += stepMs) {
    stepArray(model, state, disks, atMs, stepMs)
    drainedBytes += (state.drainedBytesPerSecond * stepMs) / 1000
    for (const { written } of disks) writtenBytes += written
  }
  return { state, disks, writtenBytes, drainedBytes }
}

const bulk = (): DiskTurn => disk({ writeWant: 200 * MB, writeSize: 64 * 1024, depth: 4 })
const small = (): DiskTurn => disk({ writeWant: 40_960, writeSize: 4096, readWant: 40_960, readSize: 4096 })

describe('phases of a cache, as measured on a slow backend behind one', () => {
  test.each([
    ['neighbour alone', [small()], 3, 0, { ms: [1.4, 1.9], fill: [0, 0] }],
    ['cache filling: the writer', [bulk(), small()], 3, 0, { ms: [2.5, 3.2], fill: [0.7, 0.9] }],
    ['cache filling: its neighbour', [bulk(), small()], 3, 1, { ms: [2.5, 3.2], fill: [0.7, 0.9] }],
    ['cache full: the writer', [bulk(), small()], 30, 0, { ms: [28, 40], fill: [1, 1] }],
    ['cache full: its neighbour', [bulk(), small()], 30, 1, { ms: [9, 20], fill: [1, 1] }],
  ] as const)('%s', (_title, disks, seconds, who, { ms, fill }) => {
    const { state, disks: after } = run(box, disks, seconds)
    expect((after[who]?.writeSeconds ?? 0) * 1000).toBeGreaterThanOrEqual(ms[0])
    expect((after[who]?.writeSeconds ?? 0) * 1000).toBeLessThanOrEqual(ms[1])
    expect(state.fillBytes / box.cacheBytes).toBeGreaterThanOrEqual(fill[0])
    expect(state.fillBytes / box.cacheBytes).toBeLessThanOrEqual(fill[1])
  })

  test('full, the writers together get what drains', () => {
    const { state, disks } = run({ ...box, freezes: false }, [bulk(), bulk(), small()], 60)
    const rate = disks.reduce((sum, one) => sum + one.written, 0) * 4
    expect(rate).toBeCloseTo(state.drainedBytesPerSecond, -1)
    expect(rate).toBeGreaterThan(7 * MB)
    expect(rate).toBeLessThanOrEqual(8 * MB)
  })

  test('reads slow down when it is full', () => {
    const calm = run(box, [small()], 3).disks[0]?.readSeconds ?? 0
    const full = run(box, [bulk(), small()], 30).disks[1]?.readSeconds ?? 0
    expect(full / calm).toBeGreaterThan(3)
    expect(full / calm).toBeLessThan(8)
  })

  test('after the writer stopped, answers are quick at once while the fill goes down', () => {
    const { state } = run(box, [bulk(), small()], 30)
    const fullBytes = state.fillBytes
    const { disks } = run(box, [small()], 5, 250, state)
    expect((disks[0]?.writeSeconds ?? 1) * 1000).toBeLessThan(2)
    expect((fullBytes - state.fillBytes) / box.cacheBytes / 5).toBeCloseTo(0.04, 2)
  })
})

test.each([100, 250, 1000, 10_000])('steps of %d ms: what was accepted is in the cache or on the disks', (stepMs) => {
  const { writtenBytes, drainedBytes, state } = run({ ...box, freezes: false }, [bulk(), small()], 30, stepMs)
  expect(writtenBytes / (state.fillBytes + drainedBytes)).toBeCloseTo(1, 6)
  // 200 MB of cache and 30 s of draining, less what reading takes.
  expect(writtenBytes / MB).toBeGreaterThan(430)
  expect(writtenBytes / MB).toBeLessThanOrEqual(440)
})

test('written through, it is slow from the first byte and never freezes', () => {
  const through = { ...box, cacheBytes: 0, drainBytesPerSecond: 7 * MB, baseWriteSeconds: 0.012, freezes: false }
  const { writtenBytes, state } = run(through, [bulk(), bulk()], 20)
  expect(writtenBytes / 20 / MB).toBeCloseTo(7, 1)
  expect(state.frozen).toBe(false)
})

describe('freezing', () => {
  test.each([
    ['one bulk writer', [bulk()], false],
    ['two bulk writers', [bulk(), bulk()], true],
    [
      'a bulk writer beside a file-system check',
      [bulk(), disk({ readWant: 20 * MB, readSize: 16_384, depth: 8 })],
      true,
    ],
    ['a bulk writer beside small ones', [bulk(), small(), small(), small()], false],
  ])('%s', (_title, disks, freezes) => {
    expect(run(box, disks, 4 + freezeAfterMs / 1000 + 5).state.frozen).toBe(freezes)
  })

  test('frozen, nothing completes; afterwards it goes on', () => {
    const { state, disks } = run(box, [bulk(), bulk()], 40)
    expect(state.frozen).toBe(true)
    expect(disks.map(({ written, stalledWrites }) => [written, stalledWrites])).toEqual([
      [0, 4],
      [0, 4],
    ])
    stepArray(box, state, disks, state.frozenUntilMs, 250)
    expect(state.frozen).toBe(false)
    expect(state.frozenMs).toBeLessThanOrEqual(freezeForMs)
    expect(disks[0]?.written).toBeGreaterThan(0)
  })
})
