import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { createLog } from '../../common/log.js'
import type { Applied } from '../fleet/apply-report.js'
import { openEmbeddedStore } from '../store/embedded/embedded-store.js'
import type { Batch, Point, TimeSeries } from '../store/time-series.js'
import { ingestMetrics, type IngestMetrics } from './ingest-metrics.js'
import { ReportWriter } from './report-writer.js'

const start = Date.UTC(2026, 2, 1)

/** The real store, with a gate before its writes: `shut` makes them fail, `hold` makes them wait. Nothing is imitated. */
class Gate {
  shut = false
  writes: Batch[] = []
  #held: (() => void)[] | undefined

  constructor(private readonly store: TimeSeries) {}

  hold(): void {
    this.#held = []
  }

  release(): void {
    for (const go of this.#held ?? []) go()
    this.#held = undefined
  }

  get behind(): TimeSeries {
    const { store } = this
    return {
      range: (query) => store.range(query),
      topN: (query) => store.topN(query),
      series: (filter) => store.series(filter),
      events: (query) => store.events(query),
      marks: () => store.marks(),
      drop: (beforeMs, tier) => store.drop(beforeMs, tier),
      export: (query) => store.export(query),
      health: () => store.health(),
      close: () => store.close(),
      write: async (batch) => {
        this.writes.push(batch)
        await new Promise<void>((resolve) => {
          if (this.#held === undefined) resolve()
          else this.#held.push(resolve)
        })
        if (this.shut) throw new Error('disk full')
        await store.write(batch)
      },
    }
  }
}

let directory = ''
let store: TimeSeries
let gate: Gate
let metrics: IngestMetrics
let writer: ReportWriter

function open(bounds: { maxPending: number; maxPoints: number } = { maxPending: 100, maxPoints: 1000 }): ReportWriter {
  metrics = ingestMetrics(new Registry())
  return new ReportWriter({ store: gate.behind, metrics, log: createLog('test', 'silent'), ...bounds })
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-writer-'))
  store = await openEmbeddedStore({
    path: join(directory, 'series.db'),
    log: createLog('test', 'silent'),
    retention: { rawMs: 30 * 86_400_000, maxBytes: 2 ** 30 },
    now: () => start,
  })
  gate = new Gate(store)
  writer = open()
})
afterEach(async () => {
  gate.release()
  gate.shut = false
  await writer.stop()
  await store.close()
  rmSync(directory, { recursive: true })
})

const point = (seq: number, id = 'h1'): Point => ({
  entity: { kind: 'host', id },
  atMs: start + seq * 1000,
  fields: { load1: seq },
})
const brought = (...points: Point[]): Applied => ({ points, events: [] })

async function stored(id = 'h1'): Promise<(number | null)[]> {
  const { rows } = await store.range({
    entity: { kind: 'host', id },
    fields: ['load1'],
    fromMs: start,
    toMs: start + 86_400_000,
    stepMs: 0,
    agg: 'last',
  })
  return rows.map((row) => row[1] ?? null)
}

const until = (condition: () => unknown): Promise<void> =>
  vi.waitFor(
    () => {
      expect(condition()).toBe(true)
    },
    { timeout: 5000, interval: 5 },
  )

describe('ReportWriter', () => {
  it('makes reports durable in order, and tells the mark of each spool', async () => {
    await writer.start()
    const acked: string[] = []
    writer.onDurable('a', (seq) => acked.push(`a${seq}`))
    writer.onDurable('b', (seq) => acked.push(`b${seq}`))
    for (let seq = 1; seq <= 5; seq += 1) {
      expect(writer.check('a', seq)).toBe('new')
      writer.add('a', seq, brought(point(seq)))
    }
    writer.add('b', 7, brought())
    await until(() => writer.lastDurable('a') === 5 && writer.lastDurable('b') === 7)
    expect(await stored()).toEqual([1, 2, 3, 4, 5])
    expect([...(await store.marks())]).toEqual([
      ['a', 5],
      ['b', 7],
    ])
    expect(acked.filter((one) => one.startsWith('a'))).toEqual(acked.filter((one) => one.startsWith('a')).toSorted())
    expect(acked).toContain('a5')
    expect(acked).toContain('b7')
  })

  it('knows what it took, durable or not, also after a restart', async () => {
    await writer.start()
    gate.hold()
    writer.add('a', 3, brought(point(3)))
    expect([writer.check('a', 2), writer.check('a', 3), writer.check('a', 4)]).toEqual([
      'duplicate',
      'duplicate',
      'new',
    ])
    expect(writer.lastDurable('a')).toBe(0)
    gate.release()
    await until(() => writer.lastDurable('a') === 3)
    await writer.stop()
    writer = open()
    await writer.start()
    expect([writer.lastDurable('a'), writer.check('a', 3), writer.check('a', 4)]).toEqual([3, 'duplicate', 'new'])
  })

  it('acks nothing before it is durable', async () => {
    await writer.start()
    gate.hold()
    const acked: number[] = []
    writer.onDurable('a', (seq) => acked.push(seq))
    writer.add('a', 1, brought(point(1)))
    await until(() => gate.writes.length === 1)
    expect(acked).toEqual([])
    expect(await stored()).toEqual([])
    gate.release()
    await until(() => acked.length === 1)
    expect(await stored()).toEqual([1])
  })

  it('keeps everything while the store fails, says why, and recovers', async () => {
    await writer.start()
    gate.shut = true
    const acked: number[] = []
    writer.onDurable('a', (seq) => acked.push(seq))
    for (let seq = 1; seq <= 50; seq += 1) writer.add('a', seq, brought(point(seq)))
    await until(() => gate.writes.length >= 2)
    expect(writer.problem).toBe('disk full')
    expect(acked).toEqual([])
    expect((await metrics.storeFailures.get()).values[0]?.value).toBeGreaterThan(0)
    gate.shut = false
    await until(() => writer.lastDurable('a') === 50)
    expect(writer.problem).toBe('')
    expect(await stored()).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
  })

  it('is busy when it holds as many reports as it may, and not any more once they are stored', async () => {
    writer = open({ maxPending: 3, maxPoints: 1000 })
    await writer.start()
    gate.hold()
    for (const seq of [1, 2, 3]) writer.add('a', seq, brought(point(seq)))
    expect([writer.check('a', 4), writer.check('b', 1), writer.check('a', 3)]).toEqual(['busy', 'busy', 'duplicate'])
    gate.release()
    await until(() => writer.check('a', 4) === 'new')
  })

  it('is busy when few reports hold very many points', async () => {
    writer = open({ maxPending: 1000, maxPoints: 10 })
    await writer.start()
    gate.hold()
    writer.add('a', 1, brought(...Array.from({ length: 200 }, (_, n) => point(n))))
    expect(writer.check('a', 2)).toBe('busy')
    gate.release()
    await until(() => writer.check('a', 2) === 'new')
    expect(await stored()).toHaveLength(200)
  })

  it('bounds a transaction by points, whole reports at a time', async () => {
    writer = open({ maxPending: 100, maxPoints: 4 })
    for (let seq = 1; seq <= 5; seq += 1) writer.add('a', seq, brought(point(seq * 2), point(seq * 2 + 1)))
    await writer.start()
    await until(() => writer.lastDurable('a') === 5)
    expect(gate.writes.map((batch) => [batch.points.length, batch.marks[0]?.throughSeq])).toEqual([
      [4, 2],
      [4, 4],
      [2, 5],
    ])
  })

  it('takes a report with more points than a call has arguments', async () => {
    await writer.start()
    const points = Array.from({ length: 200_000 }, (_, n): Point => ({ ...point(n, 'h2'), atMs: start + n }))
    writer.add('a', 1, { points, events: [] })
    writer.add('a', 2, brought(point(2)))
    await until(() => writer.lastDurable('a') === 2)
    expect(await stored('h2')).toHaveLength(200_000)
  }, 30_000)

  it.each<[string, Point]>([
    ['a time before the epoch', { ...point(2), atMs: -5 }],
    ['NaN', { ...point(2), fields: { load1: NaN } }],
    ['an unknown field', { ...point(2), fields: { __proto__x: 1 } }],
    ['no id', { ...point(2), entity: { kind: 'host', id: '' } }],
  ])('leaves out a report that can never be stored (%s); it holds up nobody', async (_name, bad) => {
    for (const seq of [1, 2, 3]) writer.add('a', seq, brought(seq === 2 ? bad : point(seq)))
    writer.add('b', 1, brought(point(4)))
    await writer.start()
    await until(() => writer.lastDurable('a') === 3 && writer.lastDurable('b') === 1)
    expect(await stored()).toEqual([1, 3, 4])
    expect(writer.problem).toBe('')
    expect((await metrics.unstorable.get()).values[0]?.value).toBe(1)
    writer.add('a', 4, brought(point(5)))
    await until(() => writer.lastDurable('a') === 4)
  })

  it('forgets a report whose very mark cannot be stored', async () => {
    await writer.start()
    writer.add('', 1, brought(point(1)))
    writer.add('a', 1, brought(point(2)))
    await until(() => writer.lastDurable('a') === 1)
    expect(writer.lastDurable('')).toBe(0)
    expect(writer.check('a', 2)).toBe('new')
  })

  it('writes what is pending when it stops; what the store refuses then stays unacked', async () => {
    await writer.start()
    gate.hold()
    writer.add('a', 1, brought(point(1)))
    await until(() => gate.writes.length === 1)
    writer.add('a', 2, brought(point(2)))
    const stopped = writer.stop()
    gate.release()
    await stopped
    expect((await store.marks()).get('a')).toBe(2)
    writer = open()
    await writer.start()
    gate.shut = true
    writer.add('a', 3, brought(point(3)))
    await writer.stop()
    expect((await store.marks()).get('a')).toBe(2)
  })

  it('tells only the newest listener of a spool, and none after its unsubscribe', async () => {
    await writer.start()
    const heard: string[] = []
    const old = writer.onDurable('a', () => heard.push('old'))
    const fresh = writer.onDurable('a', () => heard.push('fresh'))
    old()
    writer.add('a', 1, brought(point(1)))
    await until(() => writer.lastDurable('a') === 1)
    fresh()
    writer.add('a', 2, brought(point(2)))
    await until(() => writer.lastDurable('a') === 2)
    expect(heard).toEqual(['fresh'])
  })
})
