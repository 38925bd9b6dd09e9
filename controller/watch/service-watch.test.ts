import { afterEach, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import type { StoreHealth } from '../store/time-series.js'
import { certificateEnds } from './certificate-ends.js'
import { circumstancesNow } from './circumstances-now.js'
import { ServiceWatch } from './service-watch.js'
import { storeConditionAfter, type StoreReading, type StoreTallies } from './store-condition.js'
import { buildSnapshot } from '../../test/support/snapshot-builder.js'
import type { ChannelTrouble } from '../model/circumstances.js'
import { noChanges } from '../model/recent-changes.js'

const minute = 60_000
const hour = 60 * minute

const noTier = { retentionMs: undefined, oldestMs: undefined }

function reading(health: Partial<StoreHealth> = {}, more: Partial<StoreReading> = {}): StoreReading {
  return {
    health: {
      ok: true,
      problem: '',
      points: 0,
      sizeBytes: 0,
      oldestMs: undefined,
      tiers: { raw: noTier, '5m': noTier, '1h': noTier },
      tooLate: 0,
      trimmed: { points: 0, rollups: 0 },
      damaged: 0,
      ...health,
    },
    writeProblem: '',
    queueMaxBytes: undefined,
    disk: undefined,
    ...more,
  }
}

const queueOf = (change: Partial<NonNullable<StoreHealth['queue']>>): NonNullable<StoreHealth['queue']> => ({
  waitingPoints: 0,
  heldPoints: 0,
  bytes: 0,
  oldestMs: undefined,
  droppedPoints: 0,
  refusedPoints: 0,
  resentPoints: 0,
  lastRefusal: '',
  waitingWindows: 0,
  wholeBeforeMs: { '5m': Infinity, '1h': Infinity },
  ...change,
})

function conditionsOver(...readings: readonly (readonly [atMs: number, reading: StoreReading])[]): unknown {
  let tallies: StoreTallies | undefined
  let last: unknown
  for (const [atMs, one] of readings) {
    const after = storeConditionAfter(tallies, one, atMs)
    tallies = after.tallies
    last = after.condition
  }
  return last
}

it.each<[string, readonly (readonly [number, StoreReading])[], object]>([
  ['points that were too late before the start', [[0, reading({ tooLate: 5 })]], { tooLatePointsLately: 0 }],
  [
    'points that are too late',
    [
      [0, reading({ tooLate: 5 })],
      [minute, reading({ tooLate: 8 })],
    ],
    { tooLatePointsLately: 3 },
  ],
  [
    'points that were too late long ago',
    [
      [0, reading()],
      [minute, reading({ tooLate: 8 })],
      [minute + hour, reading({ tooLate: 8 })],
    ],
    { tooLatePointsLately: 0 },
  ],
  ['damage that is there at the start', [[0, reading({ damaged: 2 })]], { damagedRowsLately: 2 }],
  [
    'damage of the day before',
    [
      [0, reading({ damaged: 2 })],
      [24 * hour, reading({ damaged: 2 })],
    ],
    { damagedRowsLately: 0 },
  ],
  [
    'points and roll-ups trimmed',
    [
      [0, reading()],
      [1, reading({ trimmed: { points: 3, rollups: 4 } })],
    ],
    { trimmedLately: 7 },
  ],
  [
    'points lost in front of a server',
    [
      [0, reading({ queue: queueOf({}) })],
      [1, reading({ queue: queueOf({ droppedPoints: 3, refusedPoints: 1 }) })],
    ],
    { lostPointsLately: 4 },
  ],
  [
    'a queue',
    [[0, reading({ queue: queueOf({ bytes: 7, waitingPoints: 2 }) }, { queueMaxBytes: 10 })]],
    { queue: { bytes: 7, maxBytes: 10, waitingPoints: 2 } },
  ],
  ['problems', [[0, reading({ problem: 'a' }, { writeProblem: 'b' })]], { problem: 'a', writeProblem: 'b' }],
])('%s', (_, readings, expected) => {
  expect(conditionsOver(...readings)).toMatchObject(expected)
})

let running: ServiceWatch | undefined

afterEach(async () => {
  await running?.stop()
  running = undefined
})

function start(store: () => Promise<StoreReading>, deadlineMs = 1000): ServiceWatch {
  running = new ServiceWatch({
    certificates: () => Promise.resolve([]),
    store,
    log: createLog('test', 'silent'),
    now: () => 0,
    storeEveryMs: 5,
    certificatesEveryMs: 5,
    deadlineMs,
  })
  running.start()
  return running
}

it('sees the store and the certificates, and a store that cannot say how it is', async () => {
  let fails = false
  const disk = { freeBytes: 1, sizeBytes: 2 }
  const watch = start(() => (fails ? Promise.reject(new Error('broken')) : Promise.resolve(reading({}, { disk }))))
  await expect.poll(() => watch.seen).toMatchObject({ certificates: [], store: { problem: '', disk } })
  fails = true
  await expect.poll(() => watch.seen.store).toMatchObject({ problem: 'it does not say how it is: broken', disk })
  fails = false
  await expect.poll(() => watch.seen.store?.problem).toBe('')
})

it('asks a store that does not answer once, says so, and ends all the same', async () => {
  let asked = 0
  const watch = start(() => {
    asked += 1
    return new Promise<StoreReading>(() => undefined)
  }, 10)
  await expect.poll(() => watch.seen.store?.problem).toBe('it does not say how it is: no answer')
  const before = watch.seen
  await expect.poll(() => watch.seen).not.toBe(before)
  expect(asked).toBe(1)
})

it('circumstances are the same object as long as nothing of them changes', () => {
  const snapshot = buildSnapshot({ hosts: [], vms: [] })
  const service = { seen: {} }
  let changes = noChanges
  const trends = { current: new Map() }
  const arrays = { watched: new Map() }
  const channels: { troubles: readonly ChannelTrouble[] } = { troubles: [] }
  const moves = { unsettled: [] }
  const now = circumstancesNow({
    changes: { changes: () => changes },
    service,
    trends,
    arrays,
    channels,
    moves,
    version: '1',
  })
  const first = now(snapshot)
  expect(now(snapshot)).toBe(first)
  service.seen = { certificates: [] }
  expect(now(snapshot)).toEqual({
    version: '1',
    changes,
    trends: trends.current,
    arrays: arrays.watched,
    channels: [],
    moves: [],
    certificates: [],
  })
  changes = { ...noChanges }
  expect(now(snapshot).changes).toBe(changes)
  trends.current = new Map()
  expect(now(snapshot).trends).toBe(trends.current)
  channels.troubles = []
  expect(now(snapshot).channels).toBe(channels.troubles)
})

it('ends of certificates are those that agents came with, and the own', () => {
  const agents = [
    { id: 'g', name: 'G', certificate: { issuer: 'k', notAfter: 10 } },
    { id: 'new', name: 'never came' },
  ]
  expect(certificateEnds(agents, { notAfterMs: 30 }, { certificateEndsAtMs: 20 }, 5)).toEqual([
    { of: 'authority', id: '', name: '', endsAtMs: 30, renewableUntilMs: 30 },
    { of: 'controller', id: '', name: '', endsAtMs: 20, renewableUntilMs: 20 },
    { of: 'agent', id: 'g', name: 'G', endsAtMs: 10, renewableUntilMs: 15 },
  ])
})
