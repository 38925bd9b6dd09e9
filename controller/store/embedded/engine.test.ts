import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import * as fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { ask, bodyOf, finish, rangeOf, topOf } from '../../../test/support/series-engine.js'
import {
  arbitraryBatch,
  arbitraryRange,
  arbitraryRolledRange,
  arbitraryTop,
  asRolledUp,
  exactly,
  modelStartMs,
  rangeDifference,
  TimeSeriesModel,
  topDifference,
} from '../../../test/support/time-series-model.js'
import type { FleetEvent } from '../../model/snapshot.js'
import type { Point, RangeQuery, Tier, TopQuery } from '../time-series.js'
import { SqlDatabase, numberAt } from './database.js'
import { Engine } from './engine.js'
import type { WorkerOptions, WriteBody } from './protocol.js'
import { sketchError } from './sketch.js'
import { rankedWindow } from './top-query.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
let directory: string
let options: WorkerOptions

/** In memory if possible: some thousand transactions. */
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

beforeEach(() => {
  directory = mkdtempSync(join(parent, 'headroom-engine-'))
  options = { path: join(directory, 'series.db'), tierMs: tierMsOf(30 * dayMs), maxBytes: 2 ** 30 }
})

afterEach(() => rmSync(directory, { recursive: true }))

/** Each look at the clock is a slice's whole time: a slice seals one series. */
function openEngine(change: Partial<WorkerOptions> = {}): Engine {
  let elapsed = 0
  return new Engine({ ...options, ...change }, () => (elapsed += 1000))
}

function tierMsOf(rawMs: number): Record<Tier, number> {
  return { raw: rawMs, '5m': 180 * dayMs, '1h': 1000 * dayMs }
}

/** False if the steps have ended. */
function advanced(steps: Generator<void>, count: number): boolean {
  for (let step = 0; step < count; step += 1) if (steps.next().done === true) return false
  return true
}

function difference(got: unknown, expected: unknown): string | undefined {
  return got === expected ? undefined : `${String(got)} instead of ${String(expected)}`
}

/** A point each ten minutes for some hours. */
function steady(hours: number, id = 'a', fromMs = modelStartMs): Point[] {
  return Array.from({ length: hours * 6 }, (_, index) => ({
    entity: { kind: 'vm', id },
    atMs: fromMs + index * 600_000,
    fields: { cpuCores: index, running: 1 },
  }))
}

type Step =
  | { readonly is: 'write'; readonly points: readonly Point[] }
  | { readonly is: 'maintain'; readonly slices: number }
  | { readonly is: 'reopen' }
  | { readonly is: 'drop'; readonly beforeMs: number }
  | { readonly is: 'range'; readonly query: RangeQuery }
  | { readonly is: 'top'; readonly query: TopQuery }

/** Roll-ups go by whole steps. */
const hour = fc.integer({ min: -1, max: 5 }).map((hours) => Date.UTC(2026, 2, 1, 10 + hours))

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: arbitraryBatch.map(({ points }): Step => ({ is: 'write', points })) },
  { weight: 6, arbitrary: fc.constantFrom(1, 2, 4, Infinity).map((slices): Step => ({ is: 'maintain', slices })) },
  { weight: 2, arbitrary: fc.constant<Step>({ is: 'reopen' }) },
  { weight: 6, arbitrary: arbitraryRange.map((query): Step => ({ is: 'range', query })) },
  { weight: 4, arbitrary: arbitraryRolledRange.map((query): Step => ({ is: 'range', query })) },
  { weight: 12, arbitrary: arbitraryTop.map((query): Step => ({ is: 'top', query })) },
  { weight: 1, arbitrary: hour.map((beforeMs): Step => ({ is: 'drop', beforeMs })) },
)

test(
  'answers as brute force does through any order of writes, seals (even unfinished ones), reopenings and drops',
  { timeout: 60_000 },
  () => {
    let runs = 0
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const path = join(directory, `${(runs += 1)}.db`)
        const model = new TimeSeriesModel()
        let engine = openEngine({ path })
        let nowMs = modelStartMs + dayMs
        let job: Generator<void> | undefined
        const differences: (string | undefined)[] = []
        for (const one of steps) {
          switch (one.is) {
            case 'write':
              engine.commit([bodyOf(one.points)])
              model.write(one.points)
              break
            case 'maintain':
              // What it leaves undone goes on later, with other steps between, or is cut off by a reopening.
              job ??= engine.maintain((nowMs += hourMs))
              if (!advanced(job, one.slices)) job = undefined
              break
            case 'reopen':
              job = undefined
              engine.close()
              engine = openEngine({ path })
              break
            case 'drop':
              if (job !== undefined) finish(job)
              job = undefined
              differences.push(
                difference(finish(engine.drop(one.beforeMs, '1h')), model.drop(one.beforeMs)),
                difference(engine.health().points, model.pointCount),
                difference(engine.health().oldestMs, model.oldestMs),
              )
              break
            case 'range': {
              const { query } = one
              const error = query.tier === undefined ? exactly : query.agg === 'p95' ? sketchError : asRolledUp
              differences.push(
                rangeDifference(rangeOf(engine, query), model.range(query), error * 1.01, error * model.scale(query)),
              )
              break
            }
            case 'top': {
              const { query } = one
              const window = rankedWindow(query)
              const isExact = query.toMs - query.fromMs < hourMs
              const error = isExact ? exactly : query.agg === 'p95' ? sketchError * 1.01 : asRolledUp
              const expected = model.top({ ...query, ...window })
              differences.push(topDifference(topOf(engine, query), expected, query.n, error))
              break
            }
          }
        }
        engine.close()
        expect(differences.filter((text) => text !== undefined)).toEqual([])
      }),
      { numRuns: 150 },
    )
  },
)

function counts(...tables: readonly string[]): number[] {
  const db = new SqlDatabase(options.path)
  const found = tables.map((table) => numberAt(db.prepare(`SELECT count(*) FROM ${table}`).get() ?? [], 0))
  db.close()
  return found
}

test('seals each quarter of an hour what has come, into one chunk an hour, and empties the log', () => {
  const engine = openEngine()
  const nowMs = modelStartMs + 3 * hourMs
  const minutes = (from: number, to: number): Point[] => steady(3).slice(from / 10, to / 10)
  engine.commit([bodyOf(minutes(0, 120)), bodyOf(steady(2, 'b'))])
  finish(engine.maintain(nowMs))
  engine.commit([bodyOf(minutes(120, 140))])
  finish(engine.maintain(nowMs + 14 * 60_000))
  engine.close()
  expect(counts('ticks', 'chunks', 'series')).toEqual([1, 2 * 3, 2])
  const again = openEngine()
  finish(again.maintain(nowMs + 15 * 60_000))
  again.commit([bodyOf(minutes(140, 180))])
  finish(again.maintain(nowMs + 30 * 60_000))
  expect(again.health()).toMatchObject({ ok: true, points: 30, oldestMs: modelStartMs })
  again.close()
  expect(counts('ticks', 'chunks', 'series')).toEqual([0, 4 + 3, 2])
})

test('deletes points that are older than the retention, by whole hours; roll-ups stay', () => {
  const engine = openEngine({ tierMs: tierMsOf(4 * hourMs) })
  engine.commit([bodyOf(steady(6)), bodyOf(steady(1, 'gone'))])
  finish(engine.maintain(modelStartMs + 6 * hourMs))
  expect(engine.health().points).toBe(42)
  finish(engine.maintain(modelStartMs + 8 * hourMs))
  const oldestMs = modelStartMs + hourMs * 4 - 50 * 60_000
  expect(engine.health()).toMatchObject({ oldestMs, points: 6 * 6 - 19 })
  expect(ask(engine, { op: 'series', kind: 'vm' })).toMatchObject({
    series: [
      { entity: { id: 'a' }, firstMs: modelStartMs, lastMs: modelStartMs + 6 * hourMs - 600_000 },
      { entity: { id: 'gone' }, firstMs: modelStartMs, lastMs: modelStartMs + 50 * 60_000 },
    ],
  })
  engine.commit([bodyOf(steady(1, 'gone', modelStartMs + 6 * hourMs))])
  expect(topOf(engine, { kind: 'vm', field: 'running', agg: 'sum', fromMs: 0, toMs: 2e12, n: 5 })).toEqual([
    { id: 'a', value: 36 },
    { id: 'gone', value: 12 },
  ])
  engine.close()
})

test('days are told as what their hours add up to; a window that cuts one tells of its hours alone', () => {
  const engine = openEngine({ tierMs: tierMsOf(2 * dayMs) })
  const start = Math.ceil(modelStartMs / dayMs) * dayMs
  engine.commit([bodyOf(steady(5 * 24, 'a', start))])
  for (const afterMs of [0, 2 * hourMs, 4 * hourMs]) finish(engine.maintain(start + 5 * dayMs + afterMs))
  for (const agg of ['mean', 'sum', 'min', 'max', 'last'] as const) {
    for (const [from, to, count] of [
      [0, 120, 5],
      [5, 120, 5],
      [5, 41, 2],
    ] as const) {
      const window = { fromMs: start + from * hourMs, toMs: start + to * hourMs }
      const query = { entity: { kind: 'vm', id: 'a' }, fields: ['cpuCores', 'running'], agg, ...window } as const
      const hours = rangeOf(engine, { ...query, stepMs: hourMs }).rows
      const days = rangeOf(engine, { ...query, stepMs: dayMs }).rows
      expect(days).toHaveLength(count)
      for (const [atMs, cores, running] of days) {
        const own = hours.filter((row) => row[0] !== null && Math.floor((row[0] ?? 0) / dayMs) * dayMs === atMs)
        for (const [column, got] of [cores, running].entries()) {
          const values = own.map((row) => row[column + 1] ?? NaN)
          const sum = values.reduce((total, value) => total + value, 0)
          const expected = { mean: sum / values.length, sum, min: Math.min(...values), max: Math.max(...values) }
          const want = agg === 'last' ? (values.at(-1) ?? NaN) : expected[agg]
          expect(Math.abs((got ?? NaN) - want)).toBeLessThanOrEqual(want * 2 ** -16)
        }
      }
    }
  }
  engine.close()
  const db = new SqlDatabase(options.path)
  expect(numberAt(db.prepare('SELECT count(*) FROM days').get() ?? [], 0)).toBeGreaterThan(3)
  db.close()
})

test('deletes the oldest points while the file is larger than allowed, and gives the space back', () => {
  const engine = openEngine({ maxBytes: 300_000 })
  const noise = (seed: number): number => (Math.sin(seed) * 1e6) % 1
  for (let hour = 0; hour < 60; hour += 1) {
    const points = Array.from({ length: 360 }, (_, index) => ({
      entity: { kind: 'vm' as const, id: 'a' },
      atMs: modelStartMs + hour * hourMs + index * 10_000,
      fields: {
        cpuCores: noise(index + hour),
        readLatencyMs: noise(index * 3 + hour),
        memoryBytes: noise(index * 7 + hour),
      },
    }))
    engine.commit([bodyOf(points)])
    finish(engine.maintain(modelStartMs + hour * hourMs))
  }
  const { sizeBytes, points, oldestMs } = engine.health()
  expect(points).toBeGreaterThan(5 * 360)
  expect(points).toBeLessThan(58 * 360)
  expect(oldestMs).toBeGreaterThan(modelStartMs + hourMs)
  const query = {
    entity: { kind: 'vm', id: 'a' } as const,
    fields: ['cpuCores'],
    fromMs: 0,
    toMs: 2e12,
    stepMs: 0,
    agg: 'last' as const,
  }
  expect(rangeOf(engine, query).rows).toHaveLength(points)
  engine.close()
  // The log beside the file shrinks only when it is closed.
  expect(sizeBytes).toBeLessThan(300_000 + 20 * 2 ** 20)
  const reopened = openEngine()
  expect(reopened.health().sizeBytes).toBeLessThan(600_000)
  reopened.close()
})

function eventAt(at: number, message = ''): FleetEvent {
  return { at, hostId: 'h', vmUuid: 'v', vmName: 'n', kind: 'started', reason: 'booted', message }
}

test('deletes events that are very old, many of one moment too', () => {
  const engine = openEngine()
  const now = modelStartMs + 500 * dayMs
  const crowd = Array.from({ length: 5000 }, (_, index) => eventAt(modelStartMs, String(index)))
  engine.commit([bodyOf([], { events: [...crowd, eventAt(modelStartMs + dayMs), eventAt(now - dayMs)] })])
  finish(engine.maintain(now))
  expect(ask(engine, { op: 'events', query: { fromMs: 0, toMs: 2e12, limit: 10 } })).toEqual({
    op: 'events',
    events: [eventAt(now - dayMs)],
  })
  engine.close()
})

test('a group of batches is all or nothing, and a failed one leaves no trace', () => {
  const engine = openEngine()
  const damaged = { ...bodyOf([]), points: new Uint8Array([9, 9]) }
  const good = bodyOf(steady(1), { marks: [{ spoolId: 's', throughSeq: 1 }] })
  expect(() => engine.commit([good, damaged])).toThrow('version 9')
  expect(ask(engine, { op: 'marks' })).toEqual({ op: 'marks', marks: new Map() })
  expect(engine.health().points).toBe(0)
  engine.commit([bodyOf(steady(1), { marks: [{ spoolId: 's', throughSeq: 1 }] })])
  expect(engine.health().points).toBe(6)
  engine.close()
})

test('a duplicate within one group is applied once', () => {
  const engine = openEngine()
  const marks = [{ spoolId: 's', throughSeq: 1 }]
  const [first] = steady(1)
  if (first === undefined) throw new Error('a point')
  engine.commit([bodyOf([first], { marks }), bodyOf([{ ...first, fields: { cpuCores: 77 } }], { marks })])
  const query = { entity: first.entity, fields: ['cpuCores'], fromMs: 0, toMs: 2e12, stepMs: 0, agg: 'last' as const }
  expect(rangeOf(engine, query).rows).toEqual([[first.atMs, 0]])
  engine.close()
})

test('forgets the marks of spools that did not move for months, and no others', () => {
  const engine = openEngine()
  const markOf = (spoolId: string, throughSeq: number): Partial<WriteBody> => ({ marks: [{ spoolId, throughSeq }] })
  const marks = (): unknown => ask(engine, { op: 'marks' })
  const at = (day: number): number => modelStartMs + day * dayMs
  engine.commit([bodyOf([], markOf('gone', 5)), bodyOf([], markOf('living', 7))])
  finish(engine.maintain(at(0)))
  engine.commit([bodyOf([], markOf('living', 8))])
  for (const day of [30, 60, 90]) finish(engine.maintain(at(day)))
  const both = new Map([
    ['gone', 5],
    ['living', 8],
  ])
  expect(marks()).toEqual({ op: 'marks', marks: both })
  finish(engine.maintain(at(91)))
  expect(marks()).toEqual({ op: 'marks', marks: new Map([['living', 8]]) })
  engine.close()
  const reopened = openEngine()
  expect(ask(reopened, { op: 'marks' })).toEqual({ op: 'marks', marks: new Map([['living', 8]]) })
  reopened.close()
})
