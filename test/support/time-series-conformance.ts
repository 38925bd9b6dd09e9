import * as fc from 'fast-check'
import { describe, expect, test as bareTest, vi } from 'vitest'

import type { FleetEvent } from '../../controller/model/snapshot.js'
import {
  aggregations,
  tiers,
  type Batch,
  type Point,
  type RangeQuery,
  type TimeSeries,
  type TopQuery,
} from '../../controller/store/time-series.js'
import {
  arbitraryBatch,
  arbitraryRange,
  arbitraryTop,
  rangeDifference,
  rangeOutside,
  TimeSeriesModel,
  topDifference,
  topOutside,
} from './time-series-model.js'

export interface Backend {
  /** What the backend does not do exactly, as it says itself. */
  readonly exactness: {
    /** Share of a value that an answer from roll-ups may be off by. */
    readonly rollUpError: number
    /** The same of quantiles; `within`: they lie between the least and the greatest value, and that is all. */
    readonly quantileError: number | 'within'
    /** What a ranking's window becomes. */
    readonly rankedWindow: (window: { fromMs: number; toMs: number }) => { fromMs: number; toMs: number }
  }
  /** What it cannot do as the others do. */
  readonly limits?: {
    /** Of two values of one field at one time either may stay. */
    readonly keepsEitherValue?: boolean
    /** `health` counts no points, and knows the oldest to its day only. */
    readonly doesNotCount?: boolean
    /** What `drop` is refused with. */
    readonly dropsNothing?: string
  }
  /** Waits until questions see what was written: a server comes after a queue. At once if absent. */
  readonly settle?: (store: TimeSeries) => Promise<void>
  /** Rounds of random work; 40 if absent. */
  readonly rounds?: number
  /** Of a new, empty store. */
  open(): Promise<TimeSeries>
  /** Closes that store and opens the same data again. */
  reopen(store: TimeSeries): Promise<TimeSeries>
  /** Closes that store and deletes its data. */
  discard(store: TimeSeries): Promise<void>
}

const t0 = Date.UTC(2026, 2, 1, 10)
const vm = (id: string): Point['entity'] => ({ kind: 'vm', id })

function pointAt(atMs: number, fields: Point['fields'], id = 'v1'): Point {
  return { entity: vm(id), atMs, fields }
}

function batchOf(points: readonly Point[], rest: Partial<Batch> = {}): Batch {
  return { points, events: [], marks: [], ...rest }
}

function rangeOf(query: Partial<RangeQuery> = {}): RangeQuery {
  return {
    entity: vm('v1'),
    fields: ['cpuCores'],
    fromMs: t0,
    toMs: t0 + 86_400_000,
    stepMs: 0,
    agg: 'mean',
    ...query,
  }
}

function topOf(query: Partial<TopQuery> = {}): TopQuery {
  return { kind: 'vm', field: 'cpuCores', agg: 'mean', fromMs: t0, toMs: t0 + 86_400_000, n: 10, ...query }
}

function eventAt(at: number, change: Partial<FleetEvent> = {}): FleetEvent {
  return { at, hostId: 'h1', vmUuid: 'v1', vmName: 'mail', kind: 'started', reason: 'booted', message: '', ...change }
}

/** One new store of the backend, for one test. */
class Trial {
  constructor(
    private readonly backend: Backend,
    private opened: TimeSeries,
  ) {}

  get store(): TimeSeries {
    return this.opened
  }

  async reopen(): Promise<void> {
    this.opened = await this.backend.reopen(this.opened)
  }

  async settle(): Promise<void> {
    await this.backend.settle?.(this.opened)
  }

  async write(batch: Batch): Promise<void> {
    await this.opened.write(batch)
    await this.settle()
  }

  /** Undefined if an answer from roll-ups is as near the truth as the backend says. */
  async rolledUpDifference(query: RangeQuery, model: TimeSeriesModel): Promise<string | undefined> {
    const { rollUpError, quantileError } = this.backend.exactness
    const got = await this.opened.range(query)
    if (query.agg !== 'p95') return rangeDifference(got, model.range(query), rollUpError)
    if (quantileError !== 'within') return rangeDifference(got, model.range(query), quantileError)
    return rangeOutside(got, model, query)
  }

  async topDifferenceOf(query: TopQuery, model: TimeSeriesModel): Promise<string | undefined> {
    const { rollUpError, quantileError, rankedWindow } = this.backend.exactness
    const got = await this.opened.topN(query)
    const asked = { ...query, ...rankedWindow(query) }
    if (query.agg !== 'p95') return topDifference(got, model.top(asked), query.n, rollUpError)
    if (quantileError !== 'within') return topDifference(got, model.top(asked), query.n, quantileError)
    return topOutside(got, model, asked)
  }
}

/** What every backend of TimeSeries must do. */
export function timeSeriesConformance(name: string, backend: Backend): void {
  describe.concurrent(`time series: ${name}`, () => {
    // Most of a test is waiting for a server.
    const test = bareTest.extend<{ trial: Trial }>({
      // oxlint-disable-next-line no-empty-pattern -- the runner takes from it what a fixture needs: nothing
      trial: async ({}, use) => {
        const trial = new Trial(backend, await backend.open())
        await use(trial)
        await backend.discard(trial.store)
      },
    })

    const { keepsEitherValue = false, doesNotCount = false, dropsNothing } = backend.limits ?? {}
    test('gives back what was written: half-open window, null where a field is absent, only moments with an asked field', async ({
      trial,
    }) => {
      await trial.write(
        batchOf([
          pointAt(t0 - 1, { cpuCores: 9 }),
          pointAt(t0, { cpuCores: 0.1, memoryBytes: 2 ** 40 + 1 }),
          pointAt(t0 + 10_000, { memoryBytes: 7 }),
          pointAt(t0 + 20_000, { running: 1 }),
          pointAt(t0 + 30_000, { cpuCores: 9 }),
          pointAt(t0, { cpuCores: 5 }, 'v2'),
        ]),
      )
      expect(await trial.store.range(rangeOf({ fields: ['memoryBytes', 'cpuCores'], toMs: t0 + 30_000 }))).toEqual({
        fields: ['memoryBytes', 'cpuCores'],
        rows: [
          [t0, 2 ** 40 + 1, 0.1],
          [t0 + 10_000, 7, null],
        ],
      })
      expect(await trial.store.range(rangeOf({ entity: vm('nobody') }))).toEqual({ fields: ['cpuCores'], rows: [] })
      expect(await trial.store.range(rangeOf({ fromMs: t0 + 1, toMs: t0 }))).toEqual({ fields: ['cpuCores'], rows: [] })
    })

    test('merges the fields of points at one entity and time', async ({ trial }) => {
      await trial.write(batchOf([pointAt(t0, { cpuCores: 1, running: 1 })]))
      await trial.write(batchOf([pointAt(t0, { cpuCores: 1, memoryBytes: 3 })]))
      const { rows } = await trial.store.range(rangeOf({ fields: ['cpuCores', 'running', 'memoryBytes'] }))
      expect(rows).toEqual([[t0, 1, 1, 3]])
    })

    test(`of two values of one field and time ${keepsEitherValue ? 'one stays' : 'the later wins'}`, async ({
      trial,
    }) => {
      await trial.write(batchOf([pointAt(t0, { cpuCores: 1, running: 1 })]))
      await trial.write(batchOf([pointAt(t0, { cpuCores: 2, memoryBytes: 3 })]))
      const { rows } = await trial.store.range(rangeOf({ fields: ['cpuCores', 'running', 'memoryBytes'] }))
      const kept = keepsEitherValue && rows[0]?.[1] === 1 ? 1 : 2
      expect(rows).toEqual([[t0, kept, 1, 3]])
    })

    test('keeps all over a reopening', async ({ trial }) => {
      const marks = [{ spoolId: 's', throughSeq: 4 }]
      await trial.write(batchOf([pointAt(t0, { cpuCores: 1 })], { events: [eventAt(t0)], marks }))
      await trial.reopen()
      expect((await trial.store.range(rangeOf())).rows).toEqual([[t0, 1]])
      expect(await trial.store.events({ fromMs: t0, toMs: t0 + 1, limit: 10 })).toEqual([eventAt(t0)])
      expect(await trial.store.marks()).toEqual(new Map([['s', 4]]))
    })

    test('does not apply a batch twice that its mark says is stored', async ({ trial }) => {
      const batch = batchOf([pointAt(t0, { cpuCores: 1 })], {
        events: [eventAt(t0)],
        marks: [{ spoolId: 's', throughSeq: 4 }],
      })
      const other = { ...batch, points: [pointAt(t0 + 1, { cpuCores: 2 })] }
      await trial.write(batch)
      await trial.write(other)
      await trial.write({ ...other, marks: [{ spoolId: 's', throughSeq: 3 }] })
      expect((await trial.store.range(rangeOf())).rows).toEqual([[t0, 1]])
      expect(await trial.store.events({ fromMs: t0, toMs: t0 + 1, limit: 10 })).toHaveLength(1)
      expect(await trial.store.marks()).toEqual(new Map([['s', 4]]))
      await trial.write({ ...other, marks: [{ spoolId: 't', throughSeq: 0 }] })
      expect((await trial.store.range(rangeOf())).rows).toEqual([
        [t0, 1],
        [t0 + 1, 2],
      ])
    })

    test.for([
      ['mean', [2, 10]],
      ['min', [1, 10]],
      ['max', [4, 10]],
      ['last', [4, 10]],
      ['sum', [6, 10]],
      ['p95', [4, 10]],
    ] as const)('aggregates steps by %s; empty steps are left out', async ([agg, [first, third]], { trial }) => {
      const values = [1, 1, 4].map((cpuCores, index) => pointAt(t0 + index * 1000, { cpuCores }))
      await trial.write(
        batchOf([...values, pointAt(t0 + 120_000, { cpuCores: 10 }), pointAt(t0 + 130_000, { running: 1 })]),
      )
      const { rows } = await trial.store.range(rangeOf({ fields: ['cpuCores', 'running'], stepMs: 60_000, agg }))
      expect(rows).toEqual([
        [t0, first, null],
        [t0 + 120_000, third, 1],
      ])
    })

    test('ranks: highest first, at most n, only the asked ones, only those with a value', async ({ trial }) => {
      await trial.write(
        batchOf([
          pointAt(t0, { cpuCores: 1 }, 'low'),
          pointAt(t0, { cpuCores: 5 }, 'high'),
          pointAt(t0 + 1, { cpuCores: 7 }, 'high'),
          pointAt(t0, { cpuCores: 2 }, 'middle'),
          pointAt(t0, { running: 1 }, 'none'),
          { entity: { kind: 'host', id: 'h' }, atMs: t0, fields: { load1: 99 } },
        ]),
      )
      const high = { id: 'high', value: 6 }
      const middle = { id: 'middle', value: 2 }
      const low = { id: 'low', value: 1 }
      expect(await trial.store.topN(topOf())).toEqual([high, middle, low])
      expect(await trial.store.topN(topOf({ n: 1 }))).toEqual([high])
      expect(await trial.store.topN(topOf({ ids: new Set(['low', 'middle', 'nobody']) }))).toEqual([middle, low])
      expect(await trial.store.topN(topOf({ agg: 'last', n: 1 }))).toEqual([{ id: 'high', value: 7 }])
      expect(await trial.store.topN(topOf({ toMs: t0 }))).toEqual([])
    })

    test('lists series with their first and last time', async ({ trial }) => {
      await trial.write(
        batchOf([pointAt(t0 + 5, { running: 1 }), pointAt(t0, { running: 1 }), pointAt(t0 + 9, { running: 0 })]),
      )
      expect(await trial.store.series({ kind: 'vm' })).toEqual([{ entity: vm('v1'), firstMs: t0, lastMs: t0 + 9 }])
      expect(await trial.store.series({ kind: 'nic' })).toEqual([])
    })

    test('lists events newest first, by VM and host, within a limit', async ({ trial }) => {
      const events = [0, 1, 2, 3].map((index) =>
        eventAt(t0 + index, { vmUuid: `v${index % 2}`, hostId: index < 2 ? 'h1' : 'h2', message: 'a "quoted"\nline' }),
      )
      await trial.write(batchOf([], { events }))
      const query = { fromMs: t0, toMs: t0 + 3, limit: 10 }
      expect(await trial.store.events(query)).toEqual([events[2], events[1], events[0]])
      expect(await trial.store.events({ ...query, limit: 1 })).toEqual([events[2]])
      expect(await trial.store.events({ ...query, vmUuid: 'v0' })).toEqual([events[2], events[0]])
      expect(await trial.store.events({ ...query, vmUuid: 'v0', hostId: 'h1' })).toEqual([events[0]])
    })

    const hundred = Array.from({ length: 100 }, (_, index) => pointAt(t0 + index * 120_000, { cpuCores: index }))

    async function assertRefusesToDrop(trial: Trial, why: string): Promise<void> {
      await trial.write(batchOf(hundred))
      for (const tier of tiers) await expect(trial.store.drop(t0 + 90 * 120_000, tier)).rejects.toThrow(why)
      expect((await trial.store.range(rangeOf())).rows).toHaveLength(100)
    }

    async function assertDrops(trial: Trial): Promise<void> {
      await trial.write(batchOf(hundred, { events: [eventAt(t0), eventAt(t0 + 90 * 120_000)] }))
      expect(await trial.store.drop(t0 + 90 * 120_000)).toBe(90)
      const { rows } = await trial.store.range(rangeOf())
      expect(rows.map(([, value]) => value)).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99])
      expect(await trial.store.events({ fromMs: 0, toMs: t0 * 2, limit: 10 })).toEqual([eventAt(t0 + 90 * 120_000)])
      await trial.reopen()
      expect((await trial.store.range(rangeOf())).rows).toEqual(rows)
      expect(await trial.store.drop(Infinity, '1h')).toBe(10)
      expect(await trial.store.series({ kind: 'vm' })).toEqual([])
    }

    test('drops points and events before a time, to the millisecond, or says that it cannot', async ({ trial }) => {
      if (dropsNothing === undefined) await assertDrops(trial)
      else await assertRefusesToDrop(trial, dropsNothing)
    })

    test('gives everything away, by entity and time, in pieces', async ({ trial }) => {
      const points = ['b', 'a'].flatMap((id) =>
        Array.from({ length: 3000 }, (_, index) => pointAt(t0 + index * 10_000, { cpuCores: index, running: 1 }, id)),
      )
      await trial.write(batchOf(points.slice(0, 4000)))
      await trial.write(batchOf([...points.slice(4000), pointAt(t0, { memoryBytes: 7 }, 'a')]))
      await trial.write(batchOf([{ entity: { kind: 'host', id: 'h' }, atMs: t0, fields: { load1: 1 } }]))
      const given: Point[] = []
      for await (const piece of trial.store.export({ kind: 'vm', fromMs: t0, toMs: t0 + 2999 * 10_000 })) {
        expect(piece.length).toBeLessThanOrEqual(10_000)
        for (const point of piece) given.push(point)
      }
      const expected = [...points.slice(3000, 5999), ...points.slice(0, 2999)]
      expected[0] = pointAt(t0, { cpuCores: 0, running: 1, memoryBytes: 7 }, 'a')
      expect(given).toEqual(expected)
      const ended = trial.store.export({ kind: 'vm', fromMs: t0, toMs: Infinity, signal: AbortSignal.abort() })
      await expect(ended[Symbol.asyncIterator]().next()).rejects.toThrow('aborted')
    })

    test.for<[what: string, fields: Record<string, number>, named: string]>([
      ['an unknown field', { nonsense: 1 }, 'nonsense'],
      ['a name of Object', { constructor: 1 }, 'constructor'],
      ['NaN', { cpuCores: NaN }, 'cpuCores'],
      ['Infinity', { cpuCores: Infinity }, 'cpuCores'],
      ['a number too large to add up', { cpuCores: -1e301 }, 'cpuCores'],
    ])('refuses %s and all of its batch', async ([, fields, named], { trial }) => {
      const marks = [{ spoolId: 's', throughSeq: 1 }]
      await expect(
        trial.store.write(batchOf([pointAt(t0, { running: 1 }), pointAt(t0 + 1, fields)], { marks })),
      ).rejects.toThrow(named)
      expect(await trial.store.series({ kind: 'vm' })).toEqual([])
      expect(await trial.store.marks()).toEqual(new Map())
    })

    test.for([
      ['no id', ''],
      ['a long id', 'x'.repeat(513)],
      ['half a character', '\ud800'],
    ])('refuses %s', async ([, id], { trial }) => {
      await expect(trial.store.write(batchOf([pointAt(t0, { running: 1 }, id)]))).rejects.toThrow('entity id')
    })

    test.for([NaN, Infinity, -1, 0.5, 1e18])('refuses the time %d', async (atMs, { trial }) => {
      await expect(trial.store.write(batchOf([pointAt(atMs, { running: 1 })]))).rejects.toThrow('time')
    })

    test('refuses a question about an unknown field', async ({ trial }) => {
      await expect(trial.store.range(rangeOf({ fields: ['nonsense'] }))).rejects.toThrow('nonsense')
      await expect(trial.store.topN(topOf({ field: 'nonsense' }))).rejects.toThrow('nonsense')
    })

    test('keeps odd ids apart', async ({ trial }) => {
      const ids = [
        '__proto__',
        'constructor',
        "it's",
        'a,b=c d',
        'line\nline',
        'back\\slash\\',
        'ünï𝄞',
        '"',
        'x'.repeat(512),
      ]
      await trial.write(batchOf(ids.map((id, index) => pointAt(t0, { cpuCores: index }, id))))
      await trial.reopen()
      for (const [index, id] of ids.entries()) {
        expect((await trial.store.range(rangeOf({ entity: vm(id) }))).rows).toEqual([[t0, index]])
      }
      expect(new Set((await trial.store.topN(topOf({ n: 20 }))).map(({ id }) => id))).toEqual(new Set(ids))
    })

    test('is one series whatever names its points carry', async ({ trial }) => {
      const places = [
        { name: 'mail', hostName: 'one' },
        { name: 'mail', hostName: 'two' },
        { name: 'post, "the new"\\', hostName: 'two' },
        {},
      ]
      const points = Array.from({ length: 720 }, (_, index) => ({
        ...pointAt(t0 + index * 10_000, { cpuCores: index % 100, running: 1 }),
        labels: places[Math.floor(index / 100) % places.length] ?? {},
      }))
      const other = { ...pointAt(t0, { cpuCores: 1 }, 'v2'), labels: { name: 'mail', hostName: 'one' } }
      const again = { ...pointAt(t0 + 10_000, { memoryBytes: 7 }), labels: { name: 'mail', hostName: 'three' } }
      const plain = [...points, other].map(({ entity, atMs, fields }) => ({ entity, atMs, fields }))
      const model = new TimeSeriesModel()
      model.write([...plain, again])
      await trial.write(batchOf([...points, other]))
      await trial.write(batchOf([again]))
      const window = { fields: ['cpuCores', 'running', 'memoryBytes'], toMs: t0 + 7_200_000 }
      expect(rangeDifference(await trial.store.range(rangeOf(window)), model.range(rangeOf(window)))).toBeUndefined()
      for (const agg of aggregations) {
        expect(
          rangeDifference(
            await trial.store.range(rangeOf({ agg, stepMs: 60_000, tier: 'raw' })),
            model.range(rangeOf({ agg, stepMs: 60_000 })),
          ),
        ).toBeUndefined()
        for (const tier of ['5m', '1h'] as const) {
          expect(
            await trial.rolledUpDifference(rangeOf({ fields: ['cpuCores'], agg, tier, toMs: t0 + 7_200_000 }), model),
          ).toBeUndefined()
        }
        expect(await trial.topDifferenceOf(topOf({ agg, toMs: t0 + 7_200_000 }), model)).toBeUndefined()
      }
      expect(await trial.store.series({ kind: 'vm' })).toEqual(
        expect.arrayContaining([
          { entity: vm('v1'), firstMs: t0, lastMs: t0 + 7_190_000 },
          { entity: vm('v2'), firstMs: t0, lastMs: t0 },
        ]),
      )
      const given: Point[] = []
      for await (const piece of trial.store.export({ kind: 'vm', fromMs: t0, toMs: Infinity })) given.push(...piece)
      const expected = [...plain]
      expected[1] = pointAt(t0 + 10_000, { cpuCores: 1, running: 1, memoryBytes: 7 })
      expect(given).toEqual(expected)
    })

    test('answers from roll-ups alone where it is told to, and after the points are gone', async ({ trial }) => {
      const points = Array.from({ length: 720 }, (_, index) => pointAt(t0 + index * 10_000, { cpuCores: index % 100 }))
      await trial.write(batchOf(points))
      const model = new TimeSeriesModel()
      model.write(points)
      const queries = aggregations.flatMap((agg) =>
        (['5m', '1h'] as const).map((tier) => rangeOf({ agg, tier, toMs: t0 + 7_200_000 })),
      )
      const check = async (): Promise<void> => {
        for (const query of queries) expect(await trial.rolledUpDifference(query, model)).toBeUndefined()
      }
      await check()
      await trial.reopen()
      if (dropsNothing !== undefined) {
        await check()
        return
      }
      expect(await trial.store.drop(t0 + 7_200_000)).toBe(720)
      await check()
      expect((await trial.store.range(rangeOf())).rows).toEqual([])
      expect(await trial.store.drop(t0 + 3_600_000, '5m')).toBe(0)
      const fine = await trial.store.range(rangeOf({ tier: '5m', toMs: t0 + 7_200_000 }))
      expect(fine.rows.map(([atMs]) => atMs)).toEqual(
        Array.from({ length: 12 }, (_, step) => t0 + 3_600_000 + step * 300_000),
      )
      expect((await trial.store.range(rangeOf({ tier: '1h', toMs: t0 + 7_200_000 }))).rows).toHaveLength(2)
      await trial.store.drop(t0 + 7_200_000, '1h')
      expect((await trial.store.range(rangeOf({ tier: '1h', toMs: t0 + 7_200_000 }))).rows).toEqual([])
    })

    test('corrects its roll-ups when points come late, and gives all of a step that a window cuts', async ({
      trial,
    }) => {
      const model = new TimeSeriesModel()
      const add = async (points: readonly Point[]): Promise<void> => {
        await trial.write(batchOf(points))
        model.write(points)
      }
      const check = async (): Promise<void> => {
        for (const agg of aggregations) {
          for (const tier of ['5m', '1h'] as const) {
            for (const cut of [0, 100_000]) {
              const window = { fromMs: t0 + cut, toMs: t0 + 7_200_000 - cut }
              const query = rangeOf({ fields: ['cpuCores', 'running'], agg, tier, ...window })
              expect(await trial.rolledUpDifference(query, model)).toBeUndefined()
            }
          }
        }
      }
      const points = [1, 1, 4].map((cpuCores, index) => pointAt(t0 + index * 1000, { cpuCores }))
      await add([...points, pointAt(t0 + 3_599_999, { cpuCores: 10 }), pointAt(t0 + 3_600_000, { running: 1 })])
      await check()
      await add([pointAt(t0 + 3_000, { cpuCores: 0 }), pointAt(t0 + 3_599_998, { cpuCores: 4 })])
      await check()
    })

    test('says how it is', async ({ trial }) => {
      const counted = (points: number, oldestMs: number | undefined): object =>
        doesNotCount ? {} : { points, oldestMs }
      expect(await trial.store.health()).toMatchObject({ ok: true, problem: '', ...counted(0, undefined) })
      await trial.write(batchOf([pointAt(t0 + 1, { running: 1 }), pointAt(t0, { running: 1 })]))
      const health = await trial.store.health()
      expect(health).toMatchObject({ ok: true, problem: '', ...counted(2, t0), tooLate: 0, damaged: 0 })
      expect(health.sizeBytes).toBeGreaterThan(0)
      expect(health.tiers.raw).toMatchObject(doesNotCount ? {} : { oldestMs: t0 })
      // A server is asked now and then.
      await vi.waitFor(async () => {
        const { tiers: inForce } = await trial.store.health()
        const kept = tiers.map((tier) => inForce[tier].retentionMs ?? NaN)
        expect(kept).toEqual(kept.toSorted((a, b) => a - b))
        expect(kept[0]).toBeGreaterThan(0)
      })
    })

    test(
      'answers as brute force does, whatever was written in whatever order',
      { timeout: 240_000 },
      async ({ trial }) => {
        const model = new TimeSeriesModel()
        const work = fc.tuple(
          fc.array(arbitraryBatch, { maxLength: 4 }),
          fc.boolean(),
          fc.array(arbitraryRange, { maxLength: 6 }),
          fc.array(arbitraryTop, { maxLength: 6 }),
        )
        const check = fc.asyncProperty(work, async ([batches, reopens, ranges, tops]) => {
          const written = keepsEitherValue ? model.withoutSecondValues(batches) : batches
          await Promise.all(written.map((batch) => trial.store.write(batch)))
          for (const { points } of written) model.write(points)
          await trial.settle()
          if (reopens) await trial.reopen()
          for (const query of ranges)
            expect(rangeDifference(await trial.store.range(query), model.range(query))).toBeUndefined()
          for (const query of tops) expect(await trial.topDifferenceOf(query, model)).toBeUndefined()
        })
        // What is written stays: a smaller example would not meet the same trial.store.
        await fc.assert(check, { numRuns: backend.rounds ?? 40, endOnFailure: true })
      },
    )
  })
}
