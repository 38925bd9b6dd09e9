import { Registry } from 'prom-client'
import { afterEach, describe, expect, it, vi } from 'vitest'

import { buildSnapshot, hostIdOf, type HostRow } from '../../test/support/snapshot-builder.js'
import { storageHealth, thinPool, volumeGroup } from '../../test/support/storage-health.js'
import { createLog } from '../../common/log.js'
import { storageSeries } from '../model/storage-series.js'
import type { FileSystem, Snapshot } from '../model/snapshot.js'
import type { RangeQuery, RangeResult } from '../store/time-series.js'
import { SpaceTrends } from './space-trends.js'

const hour = 3_600_000
const t0 = Date.UTC(2026, 2, 1)
const fileSystem = (mount: string): FileSystem => ({
  mount,
  device: '/dev/sda1',
  type: 'ext4',
  sizeBytes: 1e12,
  availableBytes: 1e11,
  files: 0,
  filesFree: 0,
  readOnly: false,
})
const fleet = (...mounts: readonly string[]): Snapshot =>
  buildSnapshot({ hosts: [{ name: 'a', memoryMiB: 1, more: { fileSystems: mounts.map(fileSystem) } }], vms: [] })
const idOf = (mount: string): string => `${hostIdOf('a')}/${mount}`

/** A past of two days in which a gigabyte goes each hour. */
function past({ toMs, fields }: RangeQuery): RangeResult {
  const rows = Array.from({ length: 24 }, (_, at) => [toMs - (48 - 2 * at) * hour, 1e12, 5e11 - 2 * at * 1e9])
  return { fields, rows }
}
/** Of two days in which nothing happens. */
function still({ toMs, fields }: RangeQuery): RangeResult {
  return { fields, rows: Array.from({ length: 48 }, (_, at) => [toMs - (48 - at) * hour, 1e12, 1e11]) }
}

/** Trends over a store that answers as it is told to. */
function trendsOver(range: (query: RangeQuery) => Promise<RangeResult>, snapshot: () => Snapshot) {
  const clock = { now: t0 }
  const asked: string[] = []
  const registry = new Registry()
  const trends = new SpaceTrends({
    store: {
      range: (query) => {
        asked.push(query.entity.id.slice(idOf('').length))
        return range(query)
      },
    },
    snapshot,
    registry,
    log: createLog('test', 'silent'),
    now: () => clock.now,
    random: () => 1,
  })
  const round = async (): Promise<string> => {
    asked.length = 0
    await trends.look()
    return asked.join(' ')
  }
  return { trends, clock, registry, round }
}

afterEach(() => {
  vi.useRealTimers()
})

describe('trends of file systems', () => {
  it('are read for thin pools too, from how much of them was used', async () => {
    const pools = [
      thinPool({ sizeBytes: 1e12, dataFraction: 0.6 }),
      thinPool({ name: 'vg0/off', dataFraction: undefined }),
      volumeGroup(),
    ]
    const hosts = [{ name: 'a', memoryMiB: 1, more: { storageHealth: storageHealth({ pools }) } }]
    const queries: RangeQuery[] = []
    const { trends } = trendsOver(
      async (query) => {
        queries.push(query)
        const rows = Array.from({ length: 24 }, (_, at) => [query.toMs - (48 - 2 * at) * hour, 1e12, 0.5 + 0.002 * at])
        return { fields: query.fields, rows }
      },
      () => buildSnapshot({ hosts, vms: [] }),
    )
    await trends.look()
    const id = storageSeries.pool(hostIdOf('a'), 'vg0/thin')
    expect([...trends.current.keys()]).toEqual([id])
    expect(trends.current.get(id)?.trends[0]?.bytesPerDay).toBeCloseTo(24e9)
    expect(queries).toMatchObject([
      { entity: { kind: 'storage', id }, fields: ['sizeBytes', 'dataFraction'], agg: 'max', tier: '1h' },
    ])
  })

  it('are read from the roll-ups of a week', async () => {
    const queries: RangeQuery[] = []
    const { trends } = trendsOver(
      async (query) => {
        queries.push(query)
        return past(query)
      },
      () => fleet('/'),
    )
    await trends.look()
    expect(trends.current.get(idOf('/'))?.trends[0]?.bytesPerDay).toBeCloseTo(24e9)
    expect(queries).toEqual([
      {
        entity: { kind: 'file_system', id: idOf('/') },
        fields: ['sizeBytes', 'availableBytes'],
        fromMs: t0 - 168 * hour,
        toMs: t0,
        stepMs: hour,
        agg: 'min',
        tier: '1h',
      },
    ])
  })

  it('are looked at again after an hour, and stay the same object if nothing is learnt', async () => {
    const { trends, clock, round } = trendsOver(
      async (query) => past(query),
      () => fleet('/', '/b'),
    )
    expect(await round()).toBe('/ /b')
    const before = trends.current
    clock.now += hour - 1
    expect(await round()).toBe('')
    expect(trends.current).toBe(before)
    clock.now += 1
    expect(await round()).toBe('/ /b')
  })

  it('are of the last minutes too, once their past is known, and of nothing else than that', async () => {
    let snapshot = fleet('/')
    const { trends, clock, round } = trendsOver(
      async (query) => still(query),
      () => snapshot,
    )
    const minute = async (number: number, availableBytes: number, status: 'up' | 'silent' = 'up'): Promise<void> => {
      clock.now = t0 + number * 60_000
      const fileSystems = [{ ...fileSystem('/'), availableBytes }]
      const hosts = [{ name: 'a', memoryMiB: 1, status, more: { fileSystems } }]
      snapshot = { ...buildSnapshot({ hosts, vms: [] }), at: clock.now }
      await round()
    }
    const recent = (): (number | undefined)[] =>
      [trends.current.get(idOf('/'))?.trends[1]].map((one) => one?.bytesPerDay)
    for (let number = 0; number < 12; number += 1) await minute(number, 1e11 - number * 1e9)
    expect(recent()).toEqual([undefined])
    for (let number = 12; number < 20; number += 1) await minute(number, 1e11 - number * 1e9)
    expect(recent()[0]).toBeCloseTo(1440e9)
    // What one cannot see goes on as it may.
    for (let number = 20; number < 40; number += 1) await minute(number, 1e11 - 20e9, 'silent')
    expect(recent()).toEqual([undefined])
    await minute(40, 1e11 - 40e9)
    expect(recent()).toEqual([undefined])
  })

  it.each<[string, (number: number) => boolean, boolean]>([
    ['seen all the time', () => true, true],
    ['not seen for a moment', (number) => number < 17 || number >= 20, true],
    ['just seen again', (number) => number < 10 || number >= 19, false],
    ['seen again for a while', (number) => number < 4 || number >= 13, true],
    ['seen since a moment ago', (number) => number >= 15, false],
    ['not seen for a while', (number) => number < 15, false],
  ])('say whether the last minutes are known: %s', async (_what, isSeen, expected) => {
    const sights: Partial<HostRow>[] = [
      { status: 'silent' },
      { more: { unreadFileSystems: [{ mount: '/', device: '/dev/sda1', type: 'ext4', reason: 'no answer' }] } },
    ]
    for (const unseen of sights) {
      let snapshot = fleet('/')
      const { trends, clock, round } = trendsOver(
        async (query) => still(query),
        () => snapshot,
      )
      const seen = { more: { fileSystems: [fileSystem('/')] } }
      for (let number = 0; number <= 25; number += 1) {
        clock.now = t0 + number * 60_000
        const host = { name: 'a', memoryMiB: 1, ...(isSeen(number) ? seen : unseen) }
        snapshot = { ...buildSnapshot({ hosts: [host], vms: [] }), at: clock.now }
        await round()
      }
      expect(trends.current.get(idOf('/'))?.isRecentKnown ?? false).toBe(expected)
    }
  })

  it('of many are looked at in turns of 20 seconds, those not looked at for longest first', async () => {
    const mounts = Array.from({ length: 150 }, (_, at) => `/${at}`)
    const { trends, clock, round } = trendsOver(
      async (query) => {
        clock.now += 200
        return past(query)
      },
      () => fleet(...mounts),
    )
    expect((await round()).split(' ')).toHaveLength(100)
    clock.now += hour
    const second = (await round()).split(' ')
    expect(second.slice(0, 51)).toEqual([...mounts.slice(100), '/0'])
    expect(trends.current.size).toBe(150)
  })

  it('of a large fleet are all known after the first look, where the store answers at once', async () => {
    const mounts = Array.from({ length: 2000 }, (_, at) => `/${at}`)
    const { trends } = trendsOver(
      async (query) => ({ fields: query.fields, rows: [] }),
      () => fleet(...mounts),
    )
    await trends.look()
    expect(trends.current.size).toBe(2000)
  })

  it('of what was made larger are read again at once, and of what differs by a little not', async () => {
    let sizeBytes = 1e12
    const { clock, round } = trendsOver(
      async (query) => past(query),
      () =>
        buildSnapshot({
          hosts: [{ name: 'a', memoryMiB: 1, more: { fileSystems: [{ ...fileSystem('/'), sizeBytes }] } }],
          vms: [],
        }),
    )
    const readWith = async (bytes: number): Promise<string> => {
      sizeBytes = bytes
      clock.now += 60_000
      return round()
    }
    expect(await readWith(1e12)).toBe('/')
    expect(await readWith(1.005e12)).toBe('')
    expect(await readWith(2e12)).toBe('/')
    expect(await readWith(2e12)).toBe('')
  })

  it('of what is gone are forgotten', async () => {
    let now = fleet('/', '/b')
    const { trends } = trendsOver(
      async (query) => past(query),
      () => now,
    )
    await trends.look()
    now = fleet('/b')
    await trends.look()
    expect([...trends.current.keys()]).toEqual([idOf('/b')])
  })

  it('stay what they were while the store fails, which is asked no more after three failures, and others have their turn', async () => {
    let fails = false
    const mounts = ['/1', '/2', '/3', '/4', '/5']
    const { trends, clock, registry, round } = trendsOver(
      async (query) => {
        if (fails) throw new Error('down')
        return past(query)
      },
      () => fleet(...mounts),
    )
    await round()
    fails = true
    clock.now += hour
    expect(await round()).toBe('/1 /2 /3')
    expect(trends.current.size).toBe(5)
    expect(await round()).toBe('/4 /5')
    const metrics = await registry.metrics()
    expect(metrics).toContain('headroom_trend_queries_total{outcome="answered"} 5')
    expect(metrics).toContain('headroom_trend_queries_total{outcome="failed"} 5')
    expect(metrics).toContain('headroom_trends 5')
  })

  it('are asked for again a minute after a first failure, then more rarely, and each hour once they are known', async () => {
    let fails = true
    const { trends, clock, round } = trendsOver(
      async (query) => {
        if (fails) throw new Error('down')
        return past(query)
      },
      () => fleet('/'),
    )
    const minutes: number[] = []
    for (let minute = 0; minute <= 16; minute += 1) {
      if ((await round()) === '/') minutes.push(minute)
      clock.now += 60_000
      fails = minute < 10
    }
    expect(minutes).toEqual([0, 1, 3, 7, 15])
    expect(trends.current.get(idOf('/'))?.trends[0]?.bytesPerDay).toBeCloseTo(24e9)
    clock.now += 57 * 60_000
    expect(await round()).toBe('')
    clock.now += 60_000
    expect(await round()).toBe('/')
  })

  it.each(['answers', 'fails'])('are asked for again after a clock that was ahead, where the store %s', async (how) => {
    let fails = how === 'fails'
    const { clock, round } = trendsOver(
      async (query) => {
        if (fails) throw new Error('down')
        return past(query)
      },
      () => fleet('/'),
    )
    clock.now = t0 + 48 * hour
    expect(await round()).toBe('/')
    fails = false
    clock.now = t0
    expect(await round()).toBe('/')
    expect(await round()).toBe('')
    clock.now += hour
    expect(await round()).toBe('/')
  })

  it('that there are not are known not to be, and what the store never answered for is not known', async () => {
    const { trends, registry } = trendsOver(
      async (query) => {
        if (query.entity.id.endsWith('/b')) throw new Error('down')
        return { fields: query.fields, rows: [] }
      },
      () => fleet('/', '/b'),
    )
    await trends.look()
    expect([...trends.current]).toEqual([[idOf('/'), { trends: [], isRecentKnown: false }]])
    const before = trends.current
    await trends.look()
    expect(trends.current).toBe(before)
    expect(await registry.metrics()).toContain('headroom_trends 0')
  })

  it('wait ten seconds for an answer, and not at all once they are stopped', async () => {
    vi.useFakeTimers()
    const { trends, registry } = trendsOver(
      () => new Promise(() => undefined),
      () => fleet('/', '/b', '/c'),
    )
    const round = trends.look()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await registry.metrics()).toContain('headroom_trend_queries_total{outcome="failed"} 1')
    await trends.stop()
    await round
    expect(await registry.metrics()).toContain('headroom_trend_queries_total{outcome="failed"} 1')
  })

  it('are looked at by beats until they are stopped', async () => {
    vi.useFakeTimers()
    const { trends, clock } = trendsOver(
      async (query) => past(query),
      () => fleet('/'),
    )
    trends.start(60_000)
    expect(trends.current.size).toBe(0)
    await vi.advanceTimersByTimeAsync(60_000)
    const first = trends.current
    expect(first.size).toBe(1)
    await trends.stop()
    clock.now += 2 * hour
    await vi.advanceTimersByTimeAsync(600_000)
    expect(trends.current).toBe(first)
  })
})
