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
  modelStartMs,
  rangeDifference,
  topDifference,
} from '../../../test/support/time-series-model.js'
import { entityKinds, type EntityKind } from '../measurements.js'
import { rollUpTiers } from '../server/tier-plan.js'
import type { Point } from '../time-series.js'
import { decodePoints, encodePoints } from './batch-codec.js'
import { Engine } from './engine.js'
import type { PackedRollUps } from './protocol.js'
import { encodeRollUps } from './roll-up-codec.js'
import { sketchError } from './sketch.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const farMs = Number.MAX_SAFE_INTEGER
let directory: string
const engines: Engine[] = []

beforeEach(() => {
  directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'headroom-taken-'))
})

afterEach(() => {
  for (const engine of engines.splice(0)) engine.close()
  rmSync(directory, { recursive: true })
})

let count = 0
function openEngine(path = join(directory, `${(count += 1)}.db`)): Engine {
  const engine = new Engine({ path, tierMs: { raw: farMs, '5m': farMs, '1h': farMs }, maxBytes: farMs }, () => 0)
  engines.push(engine)
  return engine
}

function idsOf(engine: Engine, kind: EntityKind): string[] {
  const answer = ask(engine, { op: 'series', kind })
  return answer.op === 'series' ? answer.series.map(({ entity }) => entity.id) : []
}

function rollUpsOf(engine: Engine): PackedRollUps[] {
  return entityKinds.flatMap((kind) =>
    idsOf(engine, kind).flatMap((id) =>
      rollUpTiers.map((tier) => {
        const entity = { kind, id }
        const answer = ask(engine, { op: 'rollUps', query: { entity, tier, fromMs: 0, toMs: farMs } })
        return { entity, tier, cells: answer.op === 'rollUps' ? answer.cells : new Float64Array() }
      }),
    ),
  )
}

function pointsOf(engine: Engine): Point[] {
  return entityKinds.flatMap((kind) => {
    const after = { id: '', atMs: -1 }
    const answer = ask(engine, { op: 'export', query: { kind, fromMs: 0, toMs: farMs, after } })
    const names: string[] = []
    const bytes = answer.op === 'export' ? answer.points : encodePoints([])
    return decodePoints(bytes, (_kind, name) => names.push(name) - 1).map(({ id, atMs, fields, values }) => {
      const named = fields.map((field, index) => [names[field] ?? '', values[index] ?? NaN] as const)
      return { entity: { kind, id }, atMs, fields: Object.fromEntries(named) }
    })
  })
}

/** All of one engine in another. */
function copyOf(engine: Engine): Engine {
  const copy = openEngine()
  copy.commit([bodyOf(pointsOf(engine))])
  finish(copy.putRollUps(rollUpsOf(engine)))
  return copy
}

const nowMs = modelStartMs + dayMs

function laterBy(ms: number): (point: Point) => Point {
  return (point) => ({ ...point, atMs: point.atMs + ms })
}

test('another file that takes points and roll-ups answers the same, whatever was deleted; twice changes nothing', () => {
  const questions = fc.record({ ranges: fc.array(arbitraryRange), rolled: fc.array(arbitraryRolledRange) })
  fc.assert(
    fc.property(
      fc.array(arbitraryBatch, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 0, max: 5 }),
      questions,
      fc.array(arbitraryTop),
      fc.array(arbitraryBatch, { maxLength: 2 }),
      (batches, droppedHours, { ranges, rolled }, tops, later) => {
        const from = openEngine()
        from.commit(batches.map(({ points }) => bodyOf(points)))
        finish(from.maintain(nowMs))
        // The newest hour stays open when it is dropped, for more of it may come: its roll-ups are not answered from then.
        const stored = batches.flatMap(({ points }) => points.filter(({ fields }) => Object.keys(fields).length > 0))
        const newestMs = Math.max(0, ...stored.map(({ atMs }) => atMs))
        const beforeMs = Math.min(modelStartMs + droppedHours * hourMs, newestMs)
        finish(from.drop(Math.floor(beforeMs / hourMs) * hourMs, 'raw'))
        const to = copyOf(from)
        const again = finish(to.putRollUps(rollUpsOf(from)))
        if (again !== 0) return false
        to.commit([bodyOf(pointsOf(from))])
        // Both go on alike.
        for (const engine of [from, to]) {
          engine.commit(later.map(({ points }) => bodyOf(points.map(laterBy(6 * hourMs)))))
          finish(engine.maintain(nowMs))
        }
        for (const query of [...ranges, ...rolled]) {
          const error = query.agg === 'p95' ? sketchError * 2 : asRolledUp * 2
          const scale = query.agg === 'sum' || query.agg === 'mean' ? 2 ** 31 * 40 : 0
          expect(rangeDifference(rangeOf(to, query), rangeOf(from, query), error, scale)).toBeUndefined()
        }
        for (const query of tops) {
          const all = topOf(from, { ...query, n: 100 }).map((row) => ({ ...row, scale: 2 ** 31 * 40 }))
          const error = query.agg === 'p95' ? sketchError * 2 : asRolledUp * 2
          expect(topDifference(topOf(to, { ...query, n: 100 }), all, 100, error)).toBeUndefined()
        }
        return true
      },
    ),
    { numRuns: 60 },
  )
}, 60_000)

/** A point each ten minutes. */
const steady: readonly Point[] = Array.from({ length: 18 }, (_, index) => ({
  entity: { kind: 'vm', id: 'a' },
  atMs: Math.floor(modelStartMs / hourMs) * hourMs + index * 600_000,
  fields: { cpuCores: index },
}))
const startMs = steady[0]?.atMs ?? 0
const hours = { fields: ['cpuCores'], fromMs: startMs, toMs: startMs + 3 * hourMs, stepMs: hourMs, agg: 'sum' } as const

test('an hour with points of its own keeps its roll-up; one without takes the other, and no points afterwards', () => {
  const entity = { kind: 'vm', id: 'a' } as const
  const made = { count: 2, mean: 50, min: 40, max: 60, last: 60, p95: 60 }
  const rows = [0, 1, 2].map((hour) => ({ startMs: startMs + hour * hourMs, fields: { cpuCores: made } }))
  const group = { entity, tier: '1h', cells: encodeRollUps('vm', rows) } as const
  const engine = openEngine()
  engine.commit([bodyOf(steady.slice(0, 6))])
  finish(engine.maintain(nowMs))
  engine.commit([bodyOf(steady.slice(6, 12))])
  expect(finish(engine.putRollUps([group]))).toBe(1)
  engine.commit([bodyOf(steady.slice(12))])
  finish(engine.maintain(nowMs))
  expect(engine.health().tooLate).toBe(6)
  const expected = [
    [startMs, 15],
    [startMs + hourMs, 51],
    [startMs + 2 * hourMs, 100],
  ]
  expect(rangeOf(engine, { entity, ...hours }).rows).toEqual(expected)
  expect(rangeOf(engine, { entity, ...hours, agg: 'p95', fromMs: startMs + 2 * hourMs }).rows).toEqual([
    [startMs + 2 * hourMs, expect.closeTo(60, -1)],
  ])
})

test('is there after the file was opened again, and is forgotten when it is dropped', () => {
  const path = join(directory, 'kept.db')
  const first = openEngine(path)
  const entity = { kind: 'vm', id: 'a' } as const
  const fields = { cpuCores: { count: 1, mean: 7, min: 7, max: 7, last: 7, p95: 7 } }
  const groups = rollUpTiers.map((tier) => ({ entity, tier, cells: encodeRollUps('vm', [{ startMs, fields }]) }))
  expect(finish(first.putRollUps(groups))).toBe(2)
  first.close()
  engines.pop()
  const again = openEngine(path)
  finish(again.maintain(nowMs))
  expect(rangeOf(again, { entity, ...hours }).rows).toEqual([[startMs, 7]])
  expect(idsOf(again, 'vm')).toEqual(['a'])
  expect(again.health().tiers['1h'].oldestMs).toBe(Math.floor(startMs / dayMs) * dayMs)
  finish(again.drop(startMs + dayMs, '1h'))
  expect(idsOf(again, 'vm')).toEqual([])
})
