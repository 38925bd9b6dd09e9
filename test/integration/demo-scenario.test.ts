import { readFileSync } from 'node:fs'

import { expect, it } from 'vitest'

import type { EventLabel } from '../../common/event-labels.js'
import { parseFleet } from '../../agent/hypervisor/simulated/fleet-file.js'
import { defaultPolicy } from '../../controller/policy/policy-file.js'
import { run } from '../month/run.js'
import { reportLines } from '../month/report.js'
import { labelAt, type Scenario } from '../month/scenario.js'
import { faultsOf } from '../month/score.js'

const minuteOfADay = 1 / 1440

/** The demo as `npm start` plays it, begun at a moment. What is over after so many minutes is asked for. */
function demoAt(startMs: number, minutes: number): Scenario {
  const files = ['deploy/fleets/elab.yaml', 'deploy/scenarios/april-2011.yaml']
  const fleet = parseFleet(files.map((file) => readFileSync(file, 'utf8')).join(''), 'demo-fleet.yaml')
  const labels = fleet.labels.map((label) => labelAt(label, startMs))
  const isOver = ({ untilMs }: EventLabel): boolean => untilMs <= startMs + minutes * 60_000
  return {
    fleet,
    policy: defaultPolicy,
    startMs,
    days: minutes * minuteOfADay,
    away: [],
    disk: [],
    certificates: [],
    acts: [],
    labels: labels.filter(isOver),
    open: labels.filter((label) => !isOver(label)),
  }
}

// By night tesla fetches its backups.
it.each([
  ['2026-11-29T10:00:00+09:00', 10],
  ['2026-11-29T02:30:00+09:00', 3],
])(
  'the demo begun at %s, after %d minutes: what its labels say is told, and nothing else',
  async (start, minutes) => {
    const scenario = demoAt(Date.parse(start), minutes)
    const result = await run(scenario, { seed: 1, worldStepMs: 1000, quietMs: 1000, closeMs: 1000 })
    const lines = reportLines(result, scenario.startMs, scenario.fleet.utcOffsetHours).join('\n')
    expect(result.score.outcomes.flatMap(faultsOf), lines).toEqual([])
    expect(result.score.others, lines).toEqual([])
  },
  300_000,
)
