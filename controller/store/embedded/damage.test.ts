import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { bodyOf, finish, rangeOf, topOf } from '../../../test/support/series-engine.js'
import type { Point, RangeQuery, Tier } from '../time-series.js'
import { SqlDatabase } from './database.js'
import { Engine } from './engine.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const t0 = Date.UTC(2026, 2, 1, 10)
const tierMs: Record<Tier, number> = { raw: 2 * dayMs, '5m': 30 * dayMs, '1h': 60 * dayMs }

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-damage-'))
  path = join(directory, 'series.db')
})
afterEach(() => rmSync(directory, { recursive: true }))

function openEngine(): Engine {
  return new Engine({ path, tierMs, maxBytes: 2 ** 30 }, () => 0)
}

function change(...statements: readonly string[]): void {
  const db = new SqlDatabase(path)
  for (const sql of statements) db.exec(sql)
  db.close()
}

function count(sql: string): unknown {
  const db = new SqlDatabase(path)
  const found = db.prepare(`SELECT count(*) FROM ${sql}`).get()?.[0]
  db.close()
  return found
}

function pointsOf(ids: readonly string[], hours: number): Point[] {
  return ids.flatMap((id) =>
    Array.from({ length: hours * 6 }, (_, index): Point => {
      return { entity: { kind: 'vm', id }, atMs: t0 + index * 600_000, fields: { cpuCores: index, running: 1 } }
    }),
  )
}

const query = { fields: ['cpuCores'], fromMs: t0, toMs: t0 + dayMs, stepMs: 0, agg: 'last' } as const
const ofVm = (id: string, more: Partial<RangeQuery> = {}): RangeQuery => ({
  ...query,
  entity: { kind: 'vm', id },
  ...more,
})

test('a batch of the log that is damaged is set aside; all others are there', () => {
  const engine = openEngine()
  for (const id of ['a', 'b', 'c']) engine.commit([bodyOf(pointsOf([id], 1))])
  engine.close()
  change('UPDATE ticks SET crc = crc + 1 WHERE id = 2')
  const again = openEngine()
  expect(again.health()).toMatchObject({ ok: true, damaged: 1, points: 12 })
  expect(rangeOf(again, ofVm('a')).rows).toHaveLength(6)
  expect(rangeOf(again, ofVm('b')).rows).toEqual([])
  again.close()
  expect(count('damaged WHERE length(data) > 0')).toBe(1)
  expect(count('ticks')).toBe(2)
})

test('a damaged hour fails only what needs it, and is set aside; its roll-ups stand, and later points of it are kept', () => {
  const engine = openEngine()
  engine.commit([bodyOf(pointsOf(['a', 'b'], 3))])
  finish(engine.maintain(t0 + 4 * hourMs))
  engine.close()
  const a = "(SELECT id FROM series WHERE entity = 'a')"
  change(`UPDATE chunks SET data = zeroblob(40) WHERE series = ${a} AND bucket = ${t0 / hourMs + 1}`)
  const again = openEngine()
  expect(() => rangeOf(again, ofVm('a'))).toThrow(/chunk of points is damaged.*bucket/)
  expect(rangeOf(again, ofVm('a', { toMs: t0 + hourMs })).rows).toHaveLength(6)
  expect(rangeOf(again, ofVm('b')).rows).toHaveLength(18)
  expect(again.health()).toMatchObject({ points: 36, damaged: 0 })
  const late: Point = { entity: { kind: 'vm', id: 'a' }, atMs: t0 + hourMs + 1, fields: { cpuCores: 99 } }
  again.commit([bodyOf([late])])
  for (let round = 0; round < 2; round += 1) finish(again.maintain(t0 + 4 * hourMs))
  expect(again.health()).toMatchObject({ ok: true, problem: '', points: 31, damaged: 1 })
  expect(rangeOf(again, ofVm('a')).rows).toHaveLength(13)
  expect(rangeOf(again, ofVm('a', { tier: '1h', agg: 'sum' })).rows.map((row) => row[1])).toEqual([15, 51, 87])
  again.close()
})

test('damaged roll-ups are made again from the points', () => {
  const engine = openEngine()
  engine.commit([bodyOf(pointsOf(['a', 'b'], 3))])
  finish(engine.maintain(t0 + 4 * hourMs))
  engine.close()
  change(`UPDATE rollups SET hours = zeroblob(10), steps = zeroblob(10) WHERE bucket = ${t0 / hourMs + 1}`)
  const again = openEngine()
  const top = { kind: 'vm', field: 'cpuCores', agg: 'sum', fromMs: t0, toMs: t0 + 3 * hourMs, n: 5 } as const
  expect(() => topOf(again, top)).toThrow(/row of roll-ups is damaged/)
  expect(rangeOf(again, ofVm('a')).rows).toHaveLength(18)
  finish(again.maintain(t0 + 4 * hourMs))
  expect(topOf(again, top)).toEqual([
    { id: 'a', value: 153 },
    { id: 'b', value: 153 },
  ])
  expect(again.health()).toMatchObject({ ok: true, damaged: 1 })
  again.close()
})

test('a damaged day, or what would become one, does not stop retention', () => {
  const engine = openEngine()
  engine.commit([bodyOf(pointsOf(['a', 'b'], 30))])
  finish(engine.maintain(t0 + dayMs))
  engine.close()
  change(`UPDATE rollups SET hours = zeroblob(10) WHERE bucket = ${t0 / hourMs + 1}`)
  const again = openEngine()
  for (let round = 0; round < 2; round += 1) finish(again.maintain(t0 + (3 + round) * dayMs))
  expect(again.health()).toMatchObject({ ok: true, problem: '', damaged: 2 })
  const hourly = ofVm('a', { tier: '1h', agg: 'max' })
  expect(rangeOf(again, hourly).rows).toHaveLength(23)
  again.close()
  expect(count('days')).toBe(8)
  const b = "(SELECT id FROM series WHERE entity = 'b')"
  change(`UPDATE days SET data = zeroblob(9) WHERE series = ${b} AND tier = 2 AND day = ${Math.floor(t0 / dayMs)}`)
  const third = openEngine()
  expect(() => rangeOf(third, ofVm('b', { tier: '1h' }))).toThrow(/day of roll-ups is damaged/)
  expect(rangeOf(third, hourly).rows).toHaveLength(23)
  finish(third.maintain(t0 + 4 * dayMs))
  expect(rangeOf(third, ofVm('b', { tier: '1h' })).rows).toHaveLength(10)
  expect(third.health()).toMatchObject({ ok: true, damaged: 3 })
  third.close()
})
