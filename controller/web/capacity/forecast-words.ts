import { utcDay } from '../../../common/utc-day.js'
import type { DemandForecastView } from '../../api/views.js'
import { formatFigure } from '../format/figures.js'

const names = {
  memory: 'Memory',
  cpu: 'CPU',
  space: 'Space',
  'write-rate': 'What is written',
} as const satisfies Record<DemandForecastView['resource'], string>

/** `Memory of the fleet`. */
export function demandTitle({ resource, name }: Pick<DemandForecastView, 'resource' | 'name'>): string {
  return `${names[resource]} of ${name === 'fleet' ? 'the fleet' : name}`
}

export function formatDemand(value: number | undefined, unit: DemandForecastView['unit']): string {
  const text = formatFigure(value, unit === 'bytes' ? 'memory' : unit)
  return unit === 'cores' && value !== undefined ? `${text} cores` : text
}

/** What a forecast says, in a sentence for each thing; days as the controller counts them, by UTC. */
export function forecastWords(forecast: DemandForecastView): string[] {
  const { unit, limit, limitIs, latest, knownDays, neededDays, p50At, p90At, toldUntil, backtest, shifts } = forecast
  const now = latest === undefined ? 'Nothing is known of the last days.' : `Lately ${formatDemand(latest, unit)}`
  const of = limit === undefined ? `; no limit: ${limitIs}.` : ` of ${formatDemand(limit, unit)} (${limitIs}).`
  const first = latest === undefined ? now : now + of
  if (neededDays !== undefined) {
    return [first, `No forecast yet: ${knownDays} of the ${neededDays} days are known that it takes.`]
  }
  const ends =
    limit === undefined || toldUntil === undefined
      ? []
      : [
          p90At === undefined
            ? `Enough until ${utcDay(toldUntil)} in nine cases of ten.`
            : `Not enough from ${utcDay(p90At)} on in one case of ten, ${p50At === undefined ? 'but likely enough' : `and likely from ${utcDay(p50At)} on`}${p50At === undefined ? ` until ${utcDay(toldUntil)}` : ''}.`,
        ]
  const error =
    backtest === undefined
      ? []
      : [
          `So far this method was wrong by ${formatDemand(backtest.meanAbsoluteError, unit)} on average up to ${backtest.days} days ahead; “as a week before” by ${formatDemand(backtest.naiveMeanAbsoluteError, unit)}.`,
        ]
  const jumps = shifts.map(({ at }) => `Its level jumped on ${utcDay(at)}; what was before counts from the new one.`)
  return [first, ...ends, ...error, ...jumps]
}
