import { z } from 'zod'

import { CapacityForecasts } from '../../forecasts/capacity-forecasts.js'
import type { ForecastOf } from '../../forecasts/demand.js'
import type { TimeSeries } from '../../store/time-series.js'
import type { ApiApp } from '../app.js'
import { ApiError, shown } from '../errors.js'
import type { FleetViews } from '../fleet-views.js'
import { findByIdOrName } from '../lookup.js'
import { storeQuery } from '../store-call.js'
import { demandForecastView } from '../to-view/demand-forecast-view.js'
import { capacityForecastView } from '../views.js'
import { answers } from './answers.js'

interface Options {
  readonly views: FleetViews
  readonly store: Pick<TimeSeries, 'range'>
  readonly now: () => number
}

const query = z.strictObject({
  of: z
    .string()
    .max(1000)
    .default('fleet')
    .describe('fleet, host:<id or name> (with its pools) or array:<key or name>'),
  days: z.coerce.number().int().min(1).max(730).default(365).describe('how far to look ahead, 1 to 730'),
})

export function addCapacityForecastRoute(app: ApiApp, { views, store, now }: Options): void {
  const forecasts = new CapacityForecasts({ store, now })
  app.get(
    '/api/v1/capacity/forecast',
    {
      schema: {
        summary: 'When memory, CPU, space or what an array drains will not be enough',
        description:
          'From the highest figure of each day that is over (CPU and write rate: 95 % of it). Of a large fleet the first answer of a day may fail with store-failed while its past is read; it is read on.',
        querystring: query,
        response: answers(capacityForecastView),
      },
    },
    async ({ query: { of, days } }) => {
      const set = views.current()
      const found = await storeQuery(forecasts.of(parseOf(of, views), set, days))
      return { at: now(), days, forecasts: found.map(demandForecastView) }
    },
  )
}

function parseOf(text: string, views: FleetViews): ForecastOf {
  const { hosts, arrays } = views.current()
  if (text === 'fleet') return { kind: 'fleet' }
  if (text.startsWith('host:')) {
    return { kind: 'host', id: findByIdOrName('host', 'host-unknown', hosts, text.slice('host:'.length)).id }
  }
  if (text.startsWith('array:')) {
    return { kind: 'array', key: findByIdOrName('array', 'array-unknown', arrays, text.slice('array:'.length)).key }
  }
  throw new ApiError('request-invalid', 'of: expected fleet, host:… or array:…', {
    field: 'of',
    expected: 'fleet, host:<id or name> or array:<key or name>',
    got: shown(text),
  })
}
