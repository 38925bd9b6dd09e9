import { Counter, Gauge, type Registry } from 'prom-client'

import { tiers, type QueueHealth, type StoreHealth, type TimeSeries } from './time-series.js'

/** What the store says of itself, as `headroom_store_*`. What it does not know is not there, nor is a queue where there is none. */
export function storeMetrics(registry: Registry, store: Pick<TimeSeries, 'health'>): void {
  const registers = [registry]
  const gauge = (name: string, help: string, value: (health: StoreHealth) => number | undefined): void => {
    const metric: Gauge = new Gauge({
      name: `headroom_store_${name}`,
      help,
      registers,
      async collect() {
        const figure = value(await store.health())
        if (figure === undefined) metric.remove()
        else metric.set(figure)
      },
    })
  }
  gauge('ok', '1 while the store takes data and keeps itself in order', ({ ok }) => (ok ? 1 : 0))
  gauge('points', 'Points stored', ({ points }) => points)
  gauge('size_bytes', 'Size of its files, its queue included', ({ sizeBytes }) => sizeBytes)
  gauge('too_late_points_total', 'Points that came when their hour took no more', ({ tooLate }) => tooLate)
  gauge('trimmed_points_total', 'Points deleted before their time, for the size', ({ trimmed }) => trimmed.points)
  gauge('trimmed_rollups_total', 'Rows of roll-ups deleted before their time', ({ trimmed }) => trimmed.rollups)
  gauge('damaged_rows_total', 'Rows found damaged and set aside', ({ damaged }) => damaged)
  const oldest: Gauge = new Gauge({
    name: 'headroom_store_oldest_timestamp_seconds',
    help: 'Time of the oldest points, or steps of roll-ups, by tier',
    labelNames: ['tier'],
    registers,
    collect: async () => {
      const health = await store.health()
      oldest.reset()
      for (const tier of tiers) {
        const { oldestMs } = health.tiers[tier]
        if (oldestMs !== undefined) oldest.set({ tier }, oldestMs / 1000)
      }
    },
  })
  gauge('queue_waiting_points', 'Points that the server has not taken yet', ({ queue }) => queue?.waitingPoints)
  gauge(
    'queue_held_points',
    'Points that the server has taken and would lose in a crash: kept to be sent again',
    ({ queue }) => queue?.heldPoints,
  )
  gauge('queue_bytes', 'Size of all points in the queue', ({ queue }) => queue?.bytes)
  gauge(
    'queue_oldest_timestamp_seconds',
    'When the oldest point that waits was written; not there if none waits',
    ({ queue }) => (queue?.oldestMs === undefined ? undefined : queue.oldestMs / 1000),
  )
  gauge('waiting_windows', 'Windows of roll-ups that are to be computed', ({ queue }) => queue?.waitingWindows)
  const counter = (name: string, help: string, total: (queue: QueueHealth) => number): void => {
    let counted = 0
    const metric: Counter = new Counter({
      name: `headroom_store_${name}`,
      help,
      registers,
      async collect() {
        const { queue } = await store.health()
        if (queue === undefined) {
          metric.remove()
          return
        }
        const now = total(queue)
        // The store's worker counts anew after it ended by itself.
        metric.inc(now >= counted ? now - counted : now)
        counted = now
      },
    })
  }
  counter('queue_dropped_points_total', 'Points given up: the queue was full, or they too old', (queue) => {
    return queue.droppedPoints
  })
  counter('refused_points_total', 'Points that the server will never take', (queue) => queue.refusedPoints)
  counter('resent_points_total', 'Points sent again after a crash of the server', (queue) => queue.resentPoints)
}
