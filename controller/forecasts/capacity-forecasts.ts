import type { Look } from '../fleet-look.js'
import { dailyHistory } from '../planner/forecast/daily-history.js'
import { exhaustion, type Exhaustion } from '../planner/forecast/exhaustion.js'
import { forecast, type Forecast, type TooLittleHistory } from '../planner/forecast/forecast.js'
import type { History } from '../planner/forecast/history.js'
import type { TimeSeries } from '../store/time-series.js'
import { demandsOf, type Demand, type DemandPart, type ForecastOf } from './demand.js'
import { summed } from './summed.js'

/** What is to be expected of one demand. */
export interface DemandForecast {
  readonly demand: Demand
  /** Highest of each day that is over; undefined: nothing is known of any. */
  readonly history: History | undefined
  readonly told: Forecast | TooLittleHistory
  /** Undefined if nothing is told, or the limit is not known. */
  readonly exhaustion: Exhaustion | undefined
}

interface Options {
  readonly store: Pick<TimeSeries, 'range'>
  readonly now: () => number
}

const dayMs = 86_400_000
/** Older days tell little of next year's, and the store may not have them. */
const pastDays = 400
/** Of a fleet: hosts whose past is kept until the day is over. */
const mostKept = 20_000

/**
 * Tells when what there is will not be enough. The days that are over do not change: what was read of them is kept until the next one
 * begins, so that a fleet's past is read once a day, one series after the other.
 */
export class CapacityForecasts {
  readonly #read = new Map<string, Promise<History>>()
  #day = 0

  constructor(private readonly options: Options) {}

  /** @throws whatever the store throws; what was asked of it is asked again the next time */
  async of(
    of: ForecastOf,
    look: Pick<Look, 'snapshot' | 'capacity' | 'circumstances'>,
    days: number,
  ): Promise<DemandForecast[]> {
    const told: DemandForecast[] = []
    for (const demand of demandsOf(of, look)) {
      const parts: History[] = []
      for (const part of demand.parts) parts.push(await this.#history(part))
      told.push(forecastOf(demand, summed(parts), days))
    }
    return told
  }

  #history(part: DemandPart): Promise<History> {
    const now = this.options.now()
    const day = Math.floor(now / dayMs)
    if (day !== this.#day || this.#read.size >= mostKept) this.#read.clear()
    this.#day = day
    const key = `${part.entity.kind}:${part.entity.id} ${part.field} ${part.shareOf?.size ?? ''}`
    const known = this.#read.get(key)
    if (known !== undefined) return known
    const reading = this.#ask(part, now)
    this.#read.set(key, reading)
    reading.catch(() => this.#read.delete(key))
    return reading
  }

  async #ask({ entity, field, agg, shareOf }: DemandPart, now: number): Promise<History> {
    const { rows } = await this.options.store.range({
      entity,
      fields: shareOf === undefined ? [field] : [field, shareOf.field],
      agg,
      fromMs: (Math.floor(now / dayMs) - pastDays) * dayMs,
      toMs: Math.floor(now / dayMs) * dayMs,
      stepMs: dayMs,
    })
    return dailyHistory(
      rows.map(([at, value, size]) => ({
        at: at ?? 0,
        value: typeof value !== 'number' ? undefined : shareOf === undefined ? value : value * (size ?? shareOf.size),
      })),
      now,
    )
  }
}

function forecastOf(demand: Demand, history: History | undefined, days: number): DemandForecast {
  const told = forecast(history ?? { startAt: 0, stepMs: dayMs, seasonSteps: 7, values: [] }, days)
  const isTold = !('refused' in told) && typeof demand.limit === 'number'
  return { demand, history, told, exhaustion: isTold ? exhaustion(told, demand.limit) : undefined }
}
