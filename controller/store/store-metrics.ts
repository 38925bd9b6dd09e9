import { Gauge, type Registry } from 'prom-client'

import { tiers, type StoreHealth, type TimeSeries } from './time-series.js'

/** What the store says of itself, as `headroom_store_*`. */
export function storeMetrics(registry: Registry, store: Pick<TimeSeries, 'health'>): void {
  const gauge = (name: string, help: string, value: (health: StoreHealth) => number): void => {
    const metric: Gauge = new Gauge({
      name: `headroom_store_${name}`,
      help,
      registers: [registry],
      collect: async () => metric.set(value(await store.health())),
    })
  }
  gauge('ok', '1 while the store takes data and keeps itself in order', ({ ok }) => (ok ? 1 : 0))
  gauge('points', 'Points stored', ({ points }) => points)
  gauge('size_bytes', 'Size of its files', ({ sizeBytes }) => sizeBytes)
  gauge('too_late_points_total', 'Points that came when their hour took no more', ({ tooLate }) => tooLate)
  gauge('trimmed_points_total', 'Points deleted before their time, for the size', ({ trimmed }) => trimmed.points)
  gauge('trimmed_rollups_total', 'Rows of roll-ups deleted before their time', ({ trimmed }) => trimmed.rollups)
  gauge('damaged_rows_total', 'Rows found damaged and set aside', ({ damaged }) => damaged)
  const oldest: Gauge = new Gauge({
    name: 'headroom_store_oldest_timestamp_seconds',
    help: 'Time of the oldest points, or steps of roll-ups, by tier',
    labelNames: ['tier'],
    registers: [registry],
    collect: async () => {
      const health = await store.health()
      oldest.reset()
      for (const tier of tiers) {
        const { oldestMs } = health.tiers[tier]
        if (oldestMs !== undefined) oldest.set({ tier }, oldestMs / 1000)
      }
    },
  })
}
