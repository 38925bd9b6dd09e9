import type { DemandForecast } from '../../forecasts/capacity-forecasts.js'
import type { DemandForecastView } from '../views.js'

export function demandForecastView({ demand, history, told, exhaustion }: DemandForecast): DemandForecastView {
  const { resource, name, unit, limit, limitIs } = demand
  const known = (history?.values ?? []).flatMap((value, day): [number, number][] =>
    history === undefined || value === undefined ? [] : [[history.startAt + day * history.stepMs, value]],
  )
  const isLimited = typeof limit === 'number'
  const common = {
    resource,
    name,
    unit,
    limit: isLimited ? limit : undefined,
    limitIs: isLimited ? limitIs : limit.absent,
    knownDays: known.length,
    latest: known.at(-1)?.[1],
    history: known,
  }
  if ('refused' in told) return { ...common, neededDays: told.neededSteps, shifts: [], told: [] }
  return {
    ...common,
    p50At: exhaustion?.p50At,
    p90At: exhaustion?.p90At,
    toldUntil: told.startAt + told.p50.length * told.stepMs,
    shifts: told.shifts.map(({ step, size }) => ({ at: (history?.startAt ?? 0) + step * told.stepMs, size })),
    backtest: {
      days: told.backtest.horizonSteps,
      meanAbsoluteError: told.backtest.meanAbsoluteError,
      naiveMeanAbsoluteError: told.backtest.naiveMeanAbsoluteError,
    },
    told: told.p50.map((p50, day) => [
      told.startAt + day * told.stepMs,
      told.p10[day] ?? p50,
      p50,
      told.p90[day] ?? p50,
    ]),
  }
}
