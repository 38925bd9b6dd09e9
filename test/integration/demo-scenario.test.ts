import { readFileSync } from 'node:fs'

import { expect, it } from 'vitest'

import { parseFleet } from '../../common/fleet-file/fleet-file.js'
import { defaultPolicy } from '../../controller/policy/policy-file.js'
import { run } from '../month/run.js'
import { reportLines } from '../month/report.js'
import { labelAt, type Scenario } from '../month/scenario.js'
import { faultsOf } from '../month/score.js'

const days = 10 / 1440

/** The demo as `npm start` plays it, begun at a moment: ten minutes of it. */
function demoAt(startMs: number): Scenario {
  const files = ['deploy/fleets/elab.yaml', 'deploy/scenarios/april-2011.yaml']
  const fleet = parseFleet(files.map((file) => readFileSync(file, 'utf8')).join(''), 'demo-fleet.yaml')
  return {
    fleet,
    policy: defaultPolicy,
    startMs,
    days,
    away: [],
    disk: [],
    certificates: [],
    acts: [],
    labels: fleet.labels.map((label) => labelAt(label, startMs)),
    open: [],
  }
}

// By night tesla fetches its backups: then it drains for longer.
it.each(['2026-11-29T10:00:00+09:00', '2026-11-29T02:30:00+09:00'])(
  'the demo begun at %s: what its labels say is told, and nothing else',
  async (start) => {
    const scenario = demoAt(Date.parse(start))
    const result = await run(scenario, { seed: 1, worldStepMs: 1000, quietMs: 1000, closeMs: 1000 })
    const lines = reportLines(result, scenario.startMs, scenario.fleet.utcOffsetHours).join('\n')
    expect(result.score.outcomes.flatMap(faultsOf), lines).toEqual([])
    expect(result.score.others, lines).toEqual([])
  },
  300_000,
)
