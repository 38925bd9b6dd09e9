import type { Forecast } from './forecast.js'

/** When a figure reaches a limit, ms since 1970; `undefined` where it does not within what was told. */
export interface Exhaustion {
  /** As likely before as after. */
  readonly p50At: number | undefined
  /** One chance in ten that it is before this: plan for it. */
  readonly p90At: number | undefined
  /** End of what was told. */
  readonly toldUntil: number
}

/** The first steps at which p50 and p90 of a forecast reach `limit`, in the figure's own unit. */
export function exhaustion(
  { startAt, stepMs, p50, p90 }: Pick<Forecast, 'startAt' | 'stepMs' | 'p50' | 'p90'>,
  limit: number,
): Exhaustion {
  const reached = (values: readonly number[]) => {
    const step = values.findIndex((value) => value >= limit)
    return step === -1 ? undefined : startAt + step * stepMs
  }
  return { p50At: reached(p50), p90At: reached(p90), toldUntil: startAt + p50.length * stepMs }
}
