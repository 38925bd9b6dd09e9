import { parseArgs } from 'node:util'

import { inBars, together, trial } from '../../forecast/trial.js'

/** How forecasts do on made-up histories, beside the seasonal naive one, and what one costs. */
const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, count: { type: 'string', default: '50' } },
})
const before = performance.now()
const scores = trial(Number(values.seed), Number(values.count))
const forecasts = Number(values.count) * scores.size * 4
const msEach = (performance.now() - before) / forecasts
const rows = Object.fromEntries([...scores].map(([kind, score]) => [kind, inBars(score)]))
for (const [kind, row] of Object.entries(rows)) console.log(kind.padEnd(26), JSON.stringify(row))
console.log(
  JSON.stringify({
    bench: 'forecast',
    seed: Number(values.seed),
    forecasts,
    msEach: Number(msEach.toFixed(1)),
    all: inBars(together(scores.values())),
    rows,
    bars: { p90CoveragePercent: [85, 95], lossOfNaive: 0.9 },
  }),
)
