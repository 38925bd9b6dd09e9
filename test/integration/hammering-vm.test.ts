import { expect, it } from 'vitest'

import { loadFleet } from '../../common/fleet-file/fleet-file.js'
import { simulateTicks } from '../../agent/hypervisor/simulated/simulate-ticks.js'
import { createWorld, type World } from '../../agent/hypervisor/simulated/world.js'
import { alertSettingsOf, worldSources } from '../../controller/alerts/policy-settings.js'
import { emptyAlertState, step } from '../../controller/alerts/step.js'
import { worldOf } from '../../controller/alerts/world.js'
import { judgeFleet } from '../../controller/checks/fleet-findings.js'
import type { Alert } from '../../controller/model/alert.js'
import { elabPolicy } from '../support/elab-policy.js'
import { Replay } from '../support/replay.js'

/** A personal VM writes without end on the elab's array: when it is told, against when the write cache really was full. */

const second = 1000
const startMs = Date.UTC(2011, 3, 4, 3)
const beginsMs = startMs + 65 * second
const endsMs = startMs + 245 * second
const untilMs = startMs + 330 * second

function elabWorld(): World {
  const timeline = [
    { atMs: beginsMs - startMs, event: 'profile', vm: 'kure', profile: 'runaway' },
    { atMs: endsMs - startMs, event: 'profile', vm: 'kure', profile: 'idle' },
  ] as const
  return createWorld({ ...loadFleet('deploy/fleets/elab.yaml'), timeline }, { seed: 7, startMs })
}

/** When the cache was full for the first time. */
function overflowMs(): number {
  const world = elabWorld()
  for (let atMs = startMs; atMs < untilMs; atMs += second) {
    world.advance(atMs)
    const box = world.truth().arrays.find(({ name }) => name === 'iscsi1')
    if (box !== undefined && box.fillBytes >= 0.999 * box.cacheBytes) return atMs
  }
  throw new Error('the cache was never full')
}

interface Told {
  readonly firedMs: number
  readonly alert: Alert
  readonly resolvedMs: number | undefined
}

/** What alerts of that check came of it, with reports at that beat and a look each second. */
function told(check: string, everyMs: number): Told[] {
  const world = elabWorld()
  const replay = new Replay(world)
  replay.connect(startMs)
  const policy = elabPolicy()
  const settings = alertSettingsOf(policy)
  let state = emptyAlertState('t')
  const found: Told[] = []
  const look = (atMs: number): void => {
    const snapshot = replay.fleet.snapshot()
    const {
      labels,
      findings: { stands, kept },
    } = judgeFleet(snapshot, policy)
    const done = step(state, [...stands, ...kept], worldOf(worldSources({ snapshot, policy, labels })), settings, {
      atMs,
      elapsedMs: second,
    })
    for (const { what, number } of done.transitions.filter((one) => one.check === check)) {
      const alert = [...done.state.alerts.values()].find((one) => one.number === number)
      if (what === 'fired' && alert !== undefined) found.push({ firedMs: atMs, alert, resolvedMs: undefined })
      const at = found.findIndex((one) => one.alert.number === number)
      const before = found[at]
      if (what === 'resolved' && before !== undefined) found[at] = { ...before, resolvedMs: atMs }
    }
    state = done.state
  }
  let lookedMs = startMs
  for (const tick of simulateTicks(world, { fromMs: startMs, toMs: untilMs, stepMs: everyMs })) {
    while (lookedMs < tick.atMs) {
      look(lookedMs)
      lookedMs += second
    }
    replay.take(tick)
  }
  look(lookedMs)
  return found
}

it.each([
  ['ten seconds', 10 * second],
  ['a second', second],
])('reports each %s: it is named within 15 s, and no more a minute after its end', (_what, everyMs) => {
  const alerts = told('vm-hammers-array', everyMs)
  expect(alerts.map(({ alert }) => alert.finding.subject.name)).toEqual(['kure'])
  const [kure] = alerts
  expect(kure?.alert.facts.owners).toEqual(['kure'])
  expect(kure?.alert.finding.related).toContainEqual({
    role: 'victim',
    subject: expect.objectContaining({ name: 'mail' }),
  })
  const crossedMs = overflowMs()
  expect(crossedMs).toBeGreaterThan(beginsMs)
  expect(kure?.firedMs).toBeGreaterThan(beginsMs)
  expect((kure?.firedMs ?? Infinity) - crossedMs).toBeLessThanOrEqual(15 * second)
  expect(kure?.resolvedMs).toBeGreaterThan(endsMs)
  expect((kure?.resolvedMs ?? Infinity) - endsMs).toBeLessThanOrEqual(60 * second)
})
