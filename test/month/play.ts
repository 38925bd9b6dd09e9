import { Registry } from 'prom-client'

import { simulateTicks } from '../../agent/hypervisor/simulated/simulate-ticks.js'
import { createWorld } from '../../agent/hypervisor/simulated/world.js'
import { createLog } from '../../common/log.js'
import { alertSettingsOf, worldSources } from '../../controller/alerts/policy-settings.js'
import { ArrayModels } from '../../controller/array-watch/array-models.js'
import { acknowledge, addSilence } from '../../controller/alerts/people.js'
import { defaultRouteTimes, type AlertSettings, type Route } from '../../controller/alerts/settings.js'
import { emptyAlertState, step, type AlertState } from '../../controller/alerts/step.js'
import { worldOf } from '../../controller/alerts/world.js'
import { FleetLook } from '../../controller/fleet-look.js'
import type { Message } from '../../controller/model/alert.js'
import type { Snapshot } from '../../controller/model/snapshot.js'
import type { StateStore } from '../../controller/store/state-store.js'
import { SpaceTrends } from '../../controller/trends/space-trends.js'
import { ChangeWatch } from '../../controller/watch/change-watch.js'
import { circumstancesNow } from '../../controller/watch/circumstances-now.js'
import { Replay } from '../support/replay.js'
import { stretchesOf, type Stretch } from './cadence.js'
import { ControllerItself } from './controller-itself.js'
import type { OperatorAct, Scenario } from './scenario.js'
import { SpacePast } from './space-past.js'

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
 * Plays a scenario without clocks: simulated hosts, the wire's form, the fleet's state, what is watched beside it, the checks, the alerts, at the
 * beats that the cadence says. All of it is the controller's own but what it reads of its store and of itself.
 */
export async function* play(scenario: Scenario, options: PlayOptions): AsyncGenerator<Moment, void, void> {
  const { fleet: spec, policy, startMs } = scenario
  const world = createWorld(spec, { seed: options.seed, startMs, stepMs: options.worldStepMs })
  const replay = new Replay(world)
  const away = new Set<string>()
  const settings = { ...alertSettingsOf(policy), routes: [route] }
  const watch = await watchOf(scenario, replay)
  const look = new FleetLook({
    fleet: replay.fleet,
    policy: () => ({ policy, problem: undefined }),
    circumstances: watch.circumstances,
  })
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
      await watch.look(atMs)
      const seen = look.current()
      const { snapshot, findings } = seen
      const found = [...findings.stands, ...findings.kept]
      const { state, messages } = step(alerts, found, worldOf(worldSources(seen)), settings, {
        atMs,
        elapsedMs: stretch.stepMs,
      })
      alerts = state
      yield { snapshot, messages }
    }
  }
  await watch.stop()
}

/** What the controller watches beside the fleet, in the time of the scenario. */
async function watchOf(scenario: Scenario, { fleet }: Replay) {
  const log = createLog('month', 'silent')
  const registry = new Registry()
  const clock = { nowMs: scenario.startMs }
  const past = new SpacePast()
  const snapshot = (): Snapshot => fleet.snapshot()
  const trends = new SpaceTrends({ store: past, snapshot, registry, log, now: () => clock.nowMs, random: () => 1 })
  const changes = await ChangeWatch.open({ fleet, state: forgetful, registry, log })
  const service = new ControllerItself(scenario)
  const arrays = new ArrayModels()
  return {
    circumstances: circumstancesNow({
      arrays,
      changes,
      service,
      trends,
      channels: { troubles: [] },
      moves: { unsettled: [] },
      version: '',
    }),
    look: async (atMs: number): Promise<void> => {
      clock.nowMs = atMs
      past.look(snapshot())
      service.look(snapshot().hosts.values(), atMs)
      arrays.look(snapshot(), scenario.policy, atMs)
      await trends.look()
    },
    stop: async (): Promise<void> => {
      await trends.stop()
      await changes.stop()
    },
  }
}

/** Nothing starts anew within a scenario. */
const forgetful: StateStore = {
  tx: (work) =>
    work({
      get: async () => undefined,
      put: async () => undefined,
      delete: async () => undefined,
      list: async () => [],
      first: async () => [],
      last: async () => [],
    }),
  close: async () => undefined,
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
