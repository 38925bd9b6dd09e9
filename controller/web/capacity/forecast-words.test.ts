import { describe, expect, it } from 'vitest'

import type { DemandForecastView } from '../../api/views.js'
import { demandTitle, forecastWords } from './forecast-words.js'

const GiB = 2 ** 30
const at = (text: string) => Date.parse(`${text}T00:00:00Z`)
const forecast: DemandForecastView = {
  resource: 'memory',
  name: 'fleet',
  unit: 'bytes',
  limit: 34 * GiB,
  limitIs: 'memory without the reserve',
  knownDays: 90,
  latest: 30 * GiB,
  toldUntil: at('2027-11-28'),
  shifts: [],
  history: [],
  told: [],
}

describe('words of a forecast', () => {
  it('name what it is of', () => {
    expect(demandTitle(forecast)).toBe('Memory of the fleet')
    expect(demandTitle({ resource: 'write-rate', name: 'iscsi1' })).toBe('What is written of iscsi1')
  })

  it.each<[Partial<DemandForecastView>, string]>([
    [{}, 'Enough until 2027-11-28 in nine cases of ten.'],
    [
      { p90At: at('2027-03-01') },
      'Not enough from 2027-03-01 on in one case of ten, but likely enough until 2027-11-28.',
    ],
    [
      { p90At: at('2027-03-01'), p50At: at('2027-06-01') },
      'Not enough from 2027-03-01 on in one case of ten, and likely from 2027-06-01 on.',
    ],
    [{ neededDays: 28, knownDays: 3 }, 'No forecast yet: 3 of the 28 days are known that it takes.'],
  ])('%o', (more, words) => {
    expect(forecastWords({ ...forecast, ...more })[1]).toBe(words)
  })

  it('say why there is no limit', () => {
    const { limit: _, ...unlimited } = forecast
    expect(forecastWords({ ...unlimited, limitIs: 'memory of a: no agent' })).toEqual([
      'Lately 30 GiB; no limit: memory of a: no agent.',
    ])
  })

  it('say how wrong it was, and where the level jumped', () => {
    const words = forecastWords({
      ...forecast,
      backtest: { days: 30, meanAbsoluteError: GiB, naiveMeanAbsoluteError: 2 * GiB },
      shifts: [{ at: at('2026-09-01'), size: 4 * GiB }],
    })
    expect(words.slice(2)).toEqual([
      'So far this method was wrong by 1 GiB on average up to 30 days ahead; “as a week before” by 2 GiB.',
      'Its level jumped on 2026-09-01; what was before counts from the new one.',
    ])
  })
})
