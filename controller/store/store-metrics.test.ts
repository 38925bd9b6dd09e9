import { Registry } from 'prom-client'
import { expect, it } from 'vitest'

import { storeMetrics } from './store-metrics.js'
import type { QueueHealth, StoreHealth } from './time-series.js'

const queue: QueueHealth = {
  waitingPoints: 7,
  heldPoints: 2,
  bytes: 900,
  oldestMs: 5000,
  droppedPoints: 3,
  refusedPoints: 1,
  resentPoints: 0,
  lastRefusal: '',
  waitingWindows: 4,
  wholeBeforeMs: { '5m': Infinity, '1h': 0 },
}

const unknownTier = { retentionMs: undefined, oldestMs: undefined }
const unknown: StoreHealth = {
  ok: true,
  problem: '',
  points: undefined,
  sizeBytes: 5,
  oldestMs: undefined,
  tiers: { raw: unknownTier, '5m': unknownTier, '1h': unknownTier },
  tooLate: 0,
  trimmed: { points: 0, rollups: 0 },
  damaged: 0,
}

function figures(text: string): Record<string, string> {
  const rows = text.split('\n').filter((row) => row.startsWith('headroom_store_'))
  return Object.fromEntries(rows.map((row) => row.split(' ')))
}

it('shows the store and its queue; counters go on when the worker counts anew', async () => {
  const registry = new Registry()
  let health: StoreHealth = { ...unknown, ok: false, problem: 'x', sizeBytes: 5, queue }
  storeMetrics(registry, { health: () => Promise.resolve(health) })
  expect(figures(await registry.metrics())).toEqual({
    headroom_store_ok: '0',
    headroom_store_size_bytes: '5',
    headroom_store_too_late_points_total: '0',
    headroom_store_trimmed_points_total: '0',
    headroom_store_trimmed_rollups_total: '0',
    headroom_store_damaged_rows_total: '0',
    headroom_store_queue_waiting_points: '7',
    headroom_store_queue_held_points: '2',
    headroom_store_queue_bytes: '900',
    headroom_store_queue_oldest_timestamp_seconds: '5',
    headroom_store_waiting_windows: '4',
    headroom_store_queue_dropped_points_total: '3',
    headroom_store_refused_points_total: '1',
    headroom_store_resent_points_total: '0',
  })
  health = { ...health, ok: true, queue: { ...queue, droppedPoints: 1 } }
  expect(figures(await registry.metrics())).toMatchObject({
    headroom_store_ok: '1',
    headroom_store_queue_dropped_points_total: '4',
    headroom_store_refused_points_total: '1',
  })
})

it('shows no queue where there is none', async () => {
  const registry = new Registry()
  const tiers = { ...unknown.tiers, '5m': { retentionMs: 1000, oldestMs: 2000 } }
  storeMetrics(registry, { health: () => Promise.resolve({ ...unknown, points: 1, damaged: 3, tiers }) })
  expect(figures(await registry.metrics())).toEqual({
    headroom_store_ok: '1',
    headroom_store_points: '1',
    headroom_store_size_bytes: '5',
    headroom_store_too_late_points_total: '0',
    headroom_store_trimmed_points_total: '0',
    headroom_store_trimmed_rollups_total: '0',
    headroom_store_damaged_rows_total: '3',
    'headroom_store_oldest_timestamp_seconds{tier="5m"}': '2',
  })
})
