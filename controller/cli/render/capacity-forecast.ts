import { utcDay } from '../../../common/utc-day.js'
import type { CapacityForecastView, DemandForecastView } from '../../api/views.js'
import { absentMark, cores, figure, memory, rate } from './figures.js'
import { line, type Look, type Span, span } from './look.js'
import { type Column, renderTable } from './table.js'

/** One row a figure that may reach a limit: where it is, and the day by which it will not be enough. */
export function renderCapacityForecast({ forecasts }: CapacityForecastView, look: Look): string[] {
  if (forecasts.length === 0) return ['nothing to tell of: no host, pool or write cache is known there']
  return [...renderTable(forecasts, columns, look), ...forecasts.flatMap((forecast) => remarks(forecast, look))]
}

const columns: readonly Column<DemandForecastView>[] = [
  { head: 'WHAT', drop: 0, cell: ({ resource }) => (resource === 'write-rate' ? 'writes' : resource) },
  { head: 'OF', drop: 0, shrinkTo: 12, cell: ({ name }) => name },
  { head: 'LATELY', align: 'right', drop: 2, cell: ({ unit, latest }) => amount(unit, latest) },
  { head: 'LIMIT', align: 'right', drop: 1, cell: ({ unit, limit }) => amount(unit, limit) },
  {
    head: 'FULL BY (1 IN 10)',
    align: 'right',
    drop: 0,
    cell: (forecast) => dayOf(forecast, forecast.p90At, 'critical'),
  },
  { head: 'LIKELY', align: 'right', drop: 0, cell: (forecast) => dayOf(forecast, forecast.p50At, 'warning') },
  {
    head: 'ERROR SO FAR',
    align: 'right',
    drop: 3,
    cell: ({ unit, backtest }) => amount(unit, backtest?.meanAbsoluteError),
  },
  {
    head: "A WEEK BEFORE'S",
    align: 'right',
    drop: 4,
    cell: ({ unit, backtest }) => amount(unit, backtest?.naiveMeanAbsoluteError),
  },
]

function amount(unit: DemandForecastView['unit'], value: number | undefined): string {
  return figure(value, unit === 'bytes' ? memory : unit === 'cores' ? cores : rate)
}

function dayOf(
  { neededDays, limit, toldUntil }: DemandForecastView,
  at: number | undefined,
  tone: 'critical' | 'warning',
): Span {
  if (neededDays !== undefined || limit === undefined) return span(absentMark)
  if (at !== undefined) return span(utcDay(at), tone)
  return span(toldUntil === undefined ? absentMark : `not by ${utcDay(toldUntil)}`)
}

function remarks(
  { resource, name, neededDays, knownDays, limit, limitIs, shifts }: DemandForecastView,
  look: Look,
): string[] {
  const of = `${resource} of ${name}`
  const said = [
    neededDays === undefined
      ? undefined
      : `${of}: ${knownDays} of the ${neededDays} days are known that a forecast needs`,
    limit === undefined ? `${of}: ${limitIs}` : undefined,
    ...shifts.map(({ at }) => `${of}: its level jumped on ${utcDay(at)}; what was before counts from the new one`),
  ]
  return said.flatMap((text) => (text === undefined ? [] : [line([span(text, 'dim')], look)]))
}
