import type { QueueHealth, TimeSeries } from '../../controller/store/time-series.js'
import { waitFor } from './wait-for.js'

/** Waits until a server has all that was written; roll-ups may still be waiting. */
export async function sent(store: TimeSeries, withinMs = 30_000): Promise<QueueHealth> {
  await waitFor(withinMs, 'an empty queue', async () => (await store.health()).queue?.waitingPoints === 0)
  return queueOf(store)
}

export interface SettledOptions {
  readonly withinMs?: number
  /** Of VictoriaMetrics: they are told to show what they have taken. By itself that takes a second, and longer on a busy machine. */
  readonly victoriaUrls?: readonly string[]
}

/** Waits until a server has all that was written, in windows that are over, and all roll-ups that follow from it. */
export async function settled(
  store: TimeSeries,
  { withinMs = 30_000, victoriaUrls = [] }: SettledOptions = {},
): Promise<QueueHealth> {
  await waitFor(withinMs, 'an empty queue', async () => {
    for (const url of victoriaUrls) await fetch(`${url}/internal/force_flush`).catch(() => undefined)
    const { queue } = await store.health()
    if (queue === undefined || queue.waitingPoints > 0 || queue.waitingWindows > 0) return false
    return Object.values(queue.wholeBeforeMs).every((ms) => ms === Infinity)
  })
  return queueOf(store)
}

async function queueOf(store: TimeSeries): Promise<QueueHealth> {
  const { queue } = await store.health()
  if (queue === undefined) throw new Error('the store has no queue')
  return queue
}
