import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { seededChance } from '../support/seeded-chance.js'
import { ask, bodyOf, finish, rangeOf, topOf } from '../support/series-engine.js'
import { asRolledUp, rangeDifference, TimeSeriesModel, topDifference } from '../support/time-series-model.js'
import { aggregations, type Aggregation, type Point, type Tier } from '../../controller/store/time-series.js'
import { SqlDatabase, numberAt } from '../../controller/store/embedded/database.js'
import { Engine } from '../../controller/store/embedded/engine.js'
import { sketchError } from '../../controller/store/embedded/sketch.js'
import { rankedWindow } from '../../controller/store/embedded/top-query.js'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const t0 = Date.UTC(2026, 2, 1, 20)
const tierMs: Record<Tier, number> = { raw: 2 * dayMs, '5m': 5 * dayMs, '1h': 30 * dayMs }
/** More than fit into one row of roll-ups. */
const ids: readonly [string, ...string[]] = ['vm0', ...Array.from({ length: 19 }, (_, index) => `vm${index + 1}`)]

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'headroom-roll-ups-'))
  path = join(directory, 'series.db')
})
afterEach(() => rmSync(directory, { recursive: true }))

function openEngine(maxBytes = 2 ** 30): Engine {
  let elapsed = 0
  return new Engine({ path, tierMs, maxBytes }, () => (elapsed += 7))
}

function countOf(table: string): number {
  const db = new SqlDatabase(path)
  const count = numberAt(db.prepare(`SELECT count(*) FROM ${table}`).get() ?? [], 0)
  db.close()
  return count
}

function errorOf(agg: Aggregation): number {
  return agg === 'p95' ? sketchError * 1.01 : asRolledUp
}

/** Points of all VMs each four minutes or so; a field that is there for a while only. */
function* hoursOf(from: number, to: number): Generator<Point[]> {
  const chance = seededChance(3, `roll-ups ${from}`)
  for (let hour = from; hour < to; hour += 1) {
    yield ids.flatMap((id, index) =>
      Array.from({ length: 15 }, (_, step): Point => ({
        entity: { kind: 'vm', id },
        atMs: t0 + hour * hourMs + step * 4 * minuteMs + Math.floor(chance() * 1000),
        fields: {
          cpuCores: Math.round(chance() * 1e6 * (index + 1)) / 1e6,
          memoryBytes: 2 ** 30 * (1 + (index % 3)),
          ...(hour % 7 === 3 ? { writeBytesPerSecond: Math.floor(chance() * 1e7) } : {}),
        },
      })),
    )
  }
}

/** A week, with sealing and retention each hour; what it ends with reaches over all tiers. */
function live(engine: Engine, model: TimeSeriesModel, days: number): number {
  let hour = 0
  for (const points of hoursOf(0, days * 24)) {
    engine.commit([bodyOf(points)])
    model.write(points)
    hour += 1
    finish(engine.maintain(t0 + hour * hourMs + 2 * minuteMs))
  }
  return t0 + hour * hourMs
}

describe('a week later', () => {
  test('each tier reaches back as far as it is kept, and all answer what the points said', { timeout: 120_000 }, () => {
    const engine = openEngine()
    const model = new TimeSeriesModel()
    const nowMs = live(engine, model, 7)
    const { tiers, problem } = engine.health()
    expect(problem).toBe('')
    const age = (tier: Tier): number => (nowMs - (tiers[tier].oldestMs ?? NaN)) / dayMs
    expect(age('raw')).toBeGreaterThan(1.9)
    expect(age('raw')).toBeLessThan(2.2)
    expect(age('5m')).toBeGreaterThan(4.9)
    expect(age('5m')).toBeLessThan(6.1)
    expect(age('1h')).toBeCloseTo(7 + 20 / 24, 3)

    const chance = seededChance(1, 'questions')
    const among = <T>(list: readonly [T, ...T[]]): T => list[Math.floor(chance() * list.length)] ?? list[0]
    const differences: string[] = []
    for (let round = 0; round < 100; round += 1) {
      const agg = among(aggregations)
      const spanMs = chance() * 7 * dayMs
      const toMs = nowMs - Math.floor(chance() * (7 * dayMs - spanMs))
      const window = { fromMs: Math.floor(Math.max(t0, toMs - spanMs)), toMs }
      const tier = among<Tier | undefined>([undefined, '1h', '5m'])
      const fields = ['cpuCores', 'memoryBytes', 'writeBytesPerSecond'] as const
      // A window that cuts a step of a roll-up gets all of it; the finer one begins later.
      const fromMs = tier === '5m' ? Math.max(window.fromMs, tiers['5m'].oldestMs ?? 0) : window.fromMs
      const query = {
        entity: { kind: 'vm', id: among(ids) } as const,
        fields,
        agg,
        stepMs: tier === '5m' ? among([0, 5, 15, 60, 1440]) * minuteMs : among([60, 360, 1440]) * minuteMs,
        fromMs: tier === undefined ? Math.floor(fromMs / hourMs) * hourMs : fromMs,
        toMs: tier === undefined ? Math.ceil(toMs / hourMs) * hourMs : toMs,
        ...(tier === undefined ? {} : { tier }),
      }
      const expected = model.range(query)
      const difference = rangeDifference(rangeOf(engine, query), expected, errorOf(agg), errorOf(agg))
      if (difference !== undefined) differences.push(`range ${JSON.stringify(query)}: ${difference}`)

      const field = among(fields)
      const top = { kind: 'vm' as const, field, agg, n: 5, ...window }
      // Where five minutes are gone the ends are whole hours.
      const ends = { ...rankedWindow(window) }
      if (ends.toMs - ends.fromMs >= hourMs && ends.fromMs < (tiers['5m'].oldestMs ?? 0))
        ends.fromMs = Math.floor(ends.fromMs / hourMs) * hourMs
      if (ends.toMs - ends.fromMs >= hourMs && ends.toMs < (tiers['5m'].oldestMs ?? 0))
        ends.toMs = Math.ceil(ends.toMs / hourMs) * hourMs
      if (window.toMs - window.fromMs < hourMs) continue
      const wrong = topDifference(topOf(engine, top), model.top({ ...top, ...ends }), 5, errorOf(agg))
      if (wrong !== undefined) differences.push(`top ${JSON.stringify(top)}: ${wrong}`)
    }
    expect(differences).toEqual([])

    // A ranking that is under way while a day is moved from one form to the other counts it once.
    const week = { kind: 'vm' as const, field: 'cpuCores', agg: 'sum' as const, fromMs: t0, toMs: nowMs, n: 20 }
    const slow = engine.read({ op: 'top', query: week })
    // It has been at that day, which was not there yet.
    for (let day = 1; day <= 6; day += 1) expect(slow.next().done).toBe(false)
    finish(engine.maintain(nowMs + 5 * hourMs))
    const answer = finish(slow)
    expect(answer.op === 'top' && topDifference(answer.rows, model.top(week), 20, asRolledUp)).toBeUndefined()
    engine.close()
    // Days that are over lie by series and day: of 1 hour since the start, of 5 minutes since the fifth day before.
    const db = new SqlDatabase(path)
    const days = db.prepare('SELECT tier, count(DISTINCT day) FROM days GROUP BY tier').all()
    expect(days).toEqual([
      [1, 3],
      [2, 6],
    ])
    expect(db.prepare('SELECT count(DISTINCT bucket) FROM rollups').get()).toEqual([24 + 20])
    db.close()
  })
})

test('late data corrects the roll-ups of its hour', () => {
  const engine = openEngine()
  const model = new TimeSeriesModel()
  for (const points of hoursOf(0, 3)) {
    engine.commit([bodyOf(points)])
    model.write(points)
  }
  finish(engine.maintain(t0 + 4 * hourMs))
  const late: Point[] = [3, 17, 33].map((minute) => ({
    entity: { kind: 'vm', id: 'vm3' },
    atMs: t0 + hourMs + minute * minuteMs + 1,
    fields: { cpuCores: 1000 + minute, readLatencyMs: 7 },
  }))
  const check = (): void => {
    for (const tier of ['5m', '1h'] as const) {
      for (const agg of aggregations) {
        const query = { fields: ['cpuCores', 'readLatencyMs'], fromMs: t0, toMs: t0 + 3 * hourMs, stepMs: 0, agg, tier }
        for (const id of ['vm3', 'vm4']) {
          const asked = { ...query, entity: { kind: 'vm', id } as const }
          expect(rangeDifference(rangeOf(engine, asked), model.range(asked), errorOf(agg))).toBeUndefined()
        }
      }
    }
    const top = { kind: 'vm' as const, field: 'cpuCores', agg: 'max' as const, fromMs: t0, toMs: t0 + 3 * hourMs, n: 1 }
    expect(topOf(engine, top)[0]?.id).toBe('vm3')
  }
  engine.commit([bodyOf(late)])
  model.write(late)
  check()
  finish(engine.maintain(t0 + 4 * hourMs))
  check()
  engine.close()
})

test('what comes after the points of its hour are deleted is counted, and changes nothing; hours of which nothing was known take it', () => {
  const engine = openEngine()
  const model = new TimeSeriesModel()
  const nowMs = live(engine, model, 4)
  const entity = { kind: 'vm', id: 'vm0' } as const
  const closed: Point[] = [0, 1].map((minute) => ({
    entity,
    atMs: t0 + minute * minuteMs + 5,
    fields: { cpuCores: 1e6 },
  }))
  const before = { entity, fields: { cpuCores: 7 }, atMs: t0 - 5 * hourMs }
  engine.commit([bodyOf([...closed, before])])
  expect(engine.health()).toMatchObject({ tooLate: 2 })
  const query = { entity, fields: ['cpuCores'], fromMs: 0, toMs: t0 + hourMs, stepMs: hourMs, agg: 'max' as const }
  const rows = (): unknown => rangeOf(engine, query).rows
  const firstHour = model.range({ ...query, tier: '1h' }).rows[0]?.[1] ?? NaN
  const expected = [
    [t0 - 5 * hourMs, 7],
    [t0, expect.closeTo(firstHour, 3)],
  ]
  expect(rows()).toEqual(expected)
  // More of that early hour comes within the next one, and then no more.
  finish(engine.maintain(nowMs + 10 * minuteMs))
  engine.commit([bodyOf([{ ...before, atMs: before.atMs + minuteMs, fields: { cpuCores: 9 } }])])
  finish(engine.maintain(nowMs + 20 * minuteMs))
  expected[0] = [t0 - 5 * hourMs, 9]
  expect(rows()).toEqual(expected)
  for (const hours of [2, 3, 4]) finish(engine.maintain(nowMs + hours * hourMs))
  expect(rows()).toEqual(expected)
  engine.commit([bodyOf([{ ...before, atMs: before.atMs + 2 * minuteMs, fields: { cpuCores: 11 } }])])
  expect(engine.health()).toMatchObject({ tooLate: 3 })
  expect(rows()).toEqual(expected)
  engine.close()
  // A restart finds those in the log again: they are neither taken nor counted twice.
  const again = openEngine()
  expect(again.health()).toMatchObject({ tooLate: 3 })
  expect(rangeOf(again, query).rows).toEqual(expected)
  again.close()
})

describe('a file that would grow too large', () => {
  test('gives of all tiers in proportion, and a last day of points at the very last', { timeout: 120_000 }, () => {
    const model = new TimeSeriesModel()
    let engine = openEngine()
    live(engine, model, 7)
    const full = engine.health()
    engine.close()
    engine = openEngine(Math.floor(statSync(path).size / 3))
    const nowMs = t0 + 7 * dayMs
    finish(engine.maintain(nowMs))
    const half = engine.health()
    expect(half.trimmed.points).toBe(full.points - half.points)
    expect(half.trimmed.rollups).toBeGreaterThan(0)
    const age = (tier: Tier): number => (nowMs - (half.tiers[tier].oldestMs ?? NaN)) / dayMs
    expect(age('raw')).toBeLessThan(1.1)
    expect(age('raw')).toBeGreaterThan(0.9)
    engine.close()
    engine = openEngine(1)
    finish(engine.maintain(nowMs))
    expect(engine.health()).toMatchObject({ points: 0, problem: '' })
    engine.close()
  })
})

describe('a file of an earlier version', () => {
  const fixture = (): Buffer => gunzipSync(readFileSync('test/fixtures/store/series-2.db.gz'))
  const start = Date.UTC(2026, 2, 1, 10)
  /** What was written into it: see test/fixtures/store/README.md. */
  const pointsOf = (from: number, to: number): Point[] =>
    Array.from({ length: to - from }, (_, index) => from + index).flatMap((i): Point[] => {
      const atMs = start + i * minuteMs
      const vms = [0, 1, 2].map((v): Point => ({
        entity: { kind: 'vm', id: `vm${v}` },
        atMs,
        fields: {
          running: 1,
          cpuCores: ((i * 7919 + v * 31) % 1000) / 700,
          memoryBytes: 2 ** 30 * (v + 1),
          ...(i % 3 === 0 ? { memoryGuestUsedBytes: 2 ** 20 * ((i % 50) + v) } : {}),
          writeBytesPerSecond: (((i * 104_729) % 5000) * 512) / 60.001,
        },
      }))
      return [...vms, { entity: { kind: 'host', id: 'h' }, atMs, fields: { load1: i / 100 } }]
    })
  const late: Point = {
    entity: { kind: 'vm', id: 'vm1' },
    atMs: start + 90 * minuteMs,
    fields: { readBytesPerSecond: 77 },
  }
  const model = new TimeSeriesModel()
  model.write([...pointsOf(0, 285), late])
  const fields = ['running', 'cpuCores', 'memoryGuestUsedBytes', 'writeBytesPerSecond', 'readBytesPerSecond']

  function check(engine: Engine): void {
    for (const agg of aggregations) {
      for (const [tier, stepMs] of [
        [undefined, 0],
        ['5m', 0],
        ['1h', 0],
        [undefined, hourMs],
      ] as const) {
        const query = {
          fields,
          fromMs: start,
          toMs: start + 5 * hourMs,
          stepMs,
          agg,
          ...(tier === undefined ? {} : { tier }),
        }
        const asked = { ...query, entity: { kind: 'vm', id: 'vm1' } as const }
        expect(rangeDifference(rangeOf(engine, asked), model.range(asked), errorOf(agg))).toBeUndefined()
      }
      for (const [fromMs, toMs] of [
        [start, start + 5 * hourMs],
        [start + 77 * minuteMs, start + 200 * minuteMs],
        [start + 130 * minuteMs, start + 170 * minuteMs],
      ] as const) {
        const top = { kind: 'vm' as const, field: 'cpuCores', agg, fromMs, toMs, n: 3 }
        const all = model.top({ ...top, ...rankedWindow(top) })
        expect(topDifference(topOf(engine, top), all, 3, errorOf(agg))).toBeUndefined()
      }
    }
  }

  test.each([1, 2])(
    'of version %i answers at once, and is brought up to date bit by bit, whatever interrupts',
    { timeout: 60_000 },
    (version) => {
      writeFileSync(path, fixture())
      if (version === 1) {
        const db = new SqlDatabase(path)
        db.exec('ALTER TABLE marks DROP COLUMN at')
        db.exec('PRAGMA user_version = 1')
        db.close()
      }
      const sizeBefore = fixture().length
      for (let opening = 0, done = false; !done; opening += 1) {
        const engine = openEngine()
        check(engine)
        expect(ask(engine, { op: 'marks' })).toEqual({ op: 'marks', marks: new Map([['s', 43]]) })
        expect(engine.health().points).toBe(285 * 4 + (opening === 0 ? 1 : 0))
        const work = engine.maintain(start + 5 * hourMs)
        for (let slice = 0; slice < 3 && !done; slice += 1) done = work.next().done === true
        check(engine)
        engine.close()
        expect(opening).toBeLessThan(50)
      }
      expect(countOf("sqlite_schema WHERE name IN ('stats', 'former')")).toBe(0)
      expect(countOf('events')).toBe(1)
      expect(readFileSync(path).length).toBeLessThan(sizeBefore * 2)
      const engine = openEngine()
      check(engine)
      engine.close()
    },
  )
})
