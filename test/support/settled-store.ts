import type { QueueHealth, TimeSeries } from '../../controller/store/time-series.js'
import { waitFor } from './wait-for.js'

/** Waits until a server has all that was written; roll-ups may still be waiting. */
export async function sent(store: TimeSeries, withinMs = 30_000): Promise<QueueHealth> {
  await waitFor(withinMs, 'an empty queue', async () => (await store.health()).queue?.waitingPoints === 0)
  return queueOf(store)
}

export interface SettledOptions {
  readonly withinMs?: number
  /** Of a VictoriaMetrics: it is told to show what it has taken. By itself that takes it a second, and longer on a busy machine. */
  readonly victoriaUrl?: string
}

/** Waits until a server has all that was written, in windows that are over, and all roll-ups that follow from it. */
export async function settled(
  store: TimeSeries,
  { withinMs = 30_000, victoriaUrl }: SettledOptions = {},
): Promise<QueueHealth> {
  await waitFor(withinMs, 'an empty queue', async () => {
    if (victoriaUrl !== undefined) await fetch(`${victoriaUrl}/internal/force_flush`)
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
