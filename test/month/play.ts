import { simulateTicks } from '../../agent/hypervisor/simulated/simulate-ticks.js'
import { createWorld } from '../../agent/hypervisor/simulated/world.js'
import { alertSettingsOf, saidBy } from '../../controller/alerts/policy-settings.js'
import { acknowledge, addSilence } from '../../controller/alerts/people.js'
import { defaultRouteTimes, type AlertSettings, type Route } from '../../controller/alerts/settings.js'
import { emptyAlertState, step, type AlertState } from '../../controller/alerts/step.js'
import { worldOf } from '../../controller/alerts/world.js'
import { judgeFleet } from '../../controller/checks/fleet-findings.js'
import type { Message } from '../../controller/model/alert.js'
import type { Snapshot } from '../../controller/model/snapshot.js'
import { Replay } from '../support/replay.js'
import { stretchesOf, type Stretch } from './cadence.js'
import type { OperatorAct, Scenario } from './scenario.js'
import { TrendBook } from './trend-book.js'

export interface PlayOptions {
  readonly seed: number
  /** Width of a step of the simulated world. */
  readonly worldStepMs: number
  /** Beats of agents, checks and alerts: where nothing is near, and near what happens. */
  readonly quietMs: number
  readonly closeMs: number
}

/** One look at the fleet, and what was told at it. */
export interface Moment {
  readonly snapshot: Snapshot
  readonly messages: readonly Message[]
}

/** Everybody is told of everything, with the times that a route has if it names none. */
const route: Route = {
  ...defaultRouteTimes,
  name: 'admins',
  match: {},
  to: [{ kind: 'webhook', url: 'http://127.0.0.1/', secretFile: '' }],
}

/**
 * Plays a scenario without clocks: simulated hosts, the wire's form, the fleet's state, the checks, the alerts, at the beats that the
 * cadence says.
 */
export function* play(scenario: Scenario, options: PlayOptions): Generator<Moment, void, void> {
  const { fleet: spec, policy, startMs } = scenario
  const world = createWorld(spec, { seed: options.seed, startMs, stepMs: options.worldStepMs })
  const replay = new Replay(world)
  const away = new Set<string>()
  const settings = { ...alertSettingsOf(policy), routes: [route] }
  const trends = new TrendBook()
  let alerts = emptyAlertState('month')
  let nextAct = 0
  replay.connect(startMs)
  for (const stretch of stretchesOf(scenario, options)) {
    for (const { atMs, ticks } of momentsOf(world, stretch)) {
      comeAndGo(scenario, away, replay, atMs)
      for (const tick of ticks) if (!away.has(tick.hostName)) replay.take(tick)
      replay.fleet.apply({ type: 'tick', silentAfterMs: stretch.stepMs * 3 + 5000 }, atMs)
      for (let act = scenario.acts[nextAct]; act !== undefined && act.atMs <= atMs; act = scenario.acts[nextAct]) {
        alerts = afterAct(alerts, act, settings)
        nextAct += 1
      }
      const snapshot = replay.fleet.snapshot()
      const { labels, findings } = judgeFleet(snapshot, policy, { trends: trends.look(snapshot) })
      const found = [...findings.stands, ...findings.kept]
      const tick = { atMs, elapsedMs: stretch.stepMs }
      const { state, messages } = step(alerts, found, worldOf(snapshot, saidBy(labels)), settings, tick)
      alerts = state
      yield { snapshot, messages }
    }
  }
}

type Ticks = ReturnType<typeof simulateTicks> extends Iterable<infer Tick> ? readonly Tick[] : never

/** The ticks of all hosts, moment by moment. The world stands at the moment while it is looked at. */
function* momentsOf(
  world: ReturnType<typeof createWorld>,
  { fromMs, toMs, stepMs }: Stretch,
): Iterable<{ readonly atMs: number; readonly ticks: Ticks }> {
  for (let atMs = fromMs + stepMs; atMs <= toMs; atMs += stepMs) {
    yield { atMs, ticks: [...simulateTicks(world, { fromMs: atMs - stepMs, toMs: atMs, stepMs })] }
  }
}

function comeAndGo(scenario: Scenario, away: Set<string>, replay: Replay, atMs: number): void {
  const now = new Set(
    scenario.away.filter(({ fromMs, untilMs }) => fromMs <= atMs && atMs < untilMs).map(({ host }) => host),
  )
  for (const host of new Set([...away, ...now])) {
    if (away.has(host) === now.has(host)) continue
    if (now.has(host)) {
      away.add(host)
      replay.disconnect(host, atMs)
    } else {
      away.delete(host)
      replay.connect(atMs, host)
    }
  }
}

function afterAct(state: AlertState, act: OperatorAct, settings: AlertSettings): AlertState {
  const { atMs, why } = act
  if (act.does === 'silence') {
    const silence = {
      id: `silence-${state.silences.size + 1}`,
      match: {
        ...(act.check !== undefined && { check: act.check }),
        ...(act.subject !== undefined && { subject: act.subject }),
      },
      createdAtMs: atMs,
      untilMs: atMs + act.forMs,
      author: 'operator',
      reason: why,
    }
    return addSilence(state, silence, atMs, settings.bounds.silences) ?? state
  }
  let next = state
  for (const { number } of state.alerts.values()) {
    if (number === undefined) continue
    next = acknowledge(next, number, { author: 'operator', atMs, note: why })?.state ?? next
  }
  return next
}
