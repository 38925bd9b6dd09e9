import { parseArgs } from 'node:util'

import { parseDurationMs } from '../../common/units.js'
import { isGood, scenarioLines, reportLines, resultDocument } from './report.js'
import { run } from './run.js'
import { firstDays, loadScenario } from './scenario.js'

const usage = `Plays a stretch of a simulated fleet's life in virtual time through the fleet's state, the checks and the alerts, and counts which of the
events that somebody must act on were told, how late, and what else was told; beside it, what plain thresholds would have told.

Usage: npm run month -- [--seed 1] [--scenario test/month/elab-month.yaml] [--days N] [--quiet 5m] [--close 10s] [--step 2s]
       npm run month -- --labels

--labels plays nothing: it prints which events somebody must act on, as the scenario says beforehand.
--days plays only so many of the first days. --quiet and --close are the beats of looks: where nothing is near, and near what happens. --step is that of the simulated world.
The last line printed is JSON. Exit code 1: an event was missed, told too late or without a name that it needs, its end was not told, or more else was told
in a week than may be.
`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      scenario: { type: 'string', default: 'test/month/elab-month.yaml' },
      days: { type: 'string' },
      quiet: { type: 'string', default: '5m' },
      close: { type: 'string', default: '10s' },
      step: { type: 'string', default: '2s' },
      labels: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const whole = loadScenario(values.scenario)
  const scenario = values.days === undefined ? whole : firstDays(whole, wholeNumber('days', values.days))
  if (values.labels) {
    for (const line of scenarioLines(scenario)) console.log(line)
    return
  }
  const options = {
    seed: wholeNumber('seed', values.seed),
    quietMs: durationOf('quiet', values.quiet),
    closeMs: durationOf('close', values.close),
    worldStepMs: durationOf('step', values.step),
  }
  const result = await run(scenario, options, progress(scenario.startMs, scenario.days))
  for (const line of reportLines(result, scenario.startMs, scenario.fleet.utcOffsetHours)) console.log(line)
  console.log(JSON.stringify(resultDocument(result)))
  if (!isGood(result)) process.exitCode = 1
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text)
  if (text === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new Error(`--${option}: expected a whole number, got ${text}`)
  }
  return value
}

function durationOf(option: string, text: string): number {
  const ms = parseDurationMs(text)
  if (ms === undefined || ms < 1) throw new Error(`--${option}: expected a duration such as 10s, got ${text}`)
  return ms
}

/** A line on stderr for each day that is over. */
function progress(startMs: number, days: number): (atMs: number) => void {
  let last = 0
  return (atMs) => {
    const day = Math.floor((atMs - startMs) / 86_400_000)
    if (day === last) return
    last = day
    console.error(`day ${day} of ${days}`)
  }
}

await main()
