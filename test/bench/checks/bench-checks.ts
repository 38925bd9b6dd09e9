import { parseArgs } from 'node:util'

import { simulateTicks } from '../../../agent/hypervisor/simulated/simulate-ticks.js'
import { createWorld } from '../../../agent/hypervisor/simulated/world.js'
import { alertSettingsOf, saidBy } from '../../../controller/alerts/policy-settings.js'
import { emptyAlertState, step } from '../../../controller/alerts/step.js'
import { worldOf } from '../../../controller/alerts/world.js'
import { judgeFleet } from '../../../controller/checks/fleet-findings.js'
import { Replay } from '../../support/replay.js'
import { latencyOf, quantile, rounded } from '../store/figures.js'
import { largeFleet, largePolicy } from './large-fleet.js'

/**
 * What all checks and the step of alerts take each second in a large fleet: simulated hosts report one after the other, a tenth of them
 * each second, as agents at the default beat of 10 s do. Beside it a loop whose work is always the same, for machines to be compared by.
 */
const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '200' },
    arrays: { type: 'string', default: '200' },
    vms: { type: 'string', default: '5000' },
    ticks: { type: 'string', default: '200' },
    'warm-up': { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
  },
})
const size = { hosts: Number(values.hosts), arrays: Number(values.arrays), vms: Number(values.vms) }
const barMs = 50
const hostsBeatMs = 10_000
const ticksOfBeat = 10
const startMs = Date.UTC(2026, 2, 2, 9)

const policy = largePolicy()
const settings = alertSettingsOf(policy)
const world = createWorld(largeFleet(size), { seed: Number(values.seed), startMs, stepMs: 1000 })
const replay = new Replay(world)
replay.connect(startMs)

const ticks = Number(values.ticks) + Number(values['warm-up'])
const took: { readonly checksMs: number; readonly stepMs: number }[] = []
const loops: number[] = []
let state = emptyAlertState('bench')
let findings = 0
let hostTicks = 0
const perTick = Math.ceil(size.hosts / ticksOfBeat)
// The first beat makes the fleet known.
const beats = Math.ceil(ticks / ticksOfBeat) + 2
for (const tick of simulateTicks(world, {
  fromMs: startMs,
  toMs: startMs + beats * hostsBeatMs,
  stepMs: hostsBeatMs,
})) {
  replay.take(tick)
  hostTicks += 1
  if (hostTicks <= size.hosts || hostTicks % perTick !== 0 || took.length >= ticks) continue
  judge(tick.atMs)
}
const measured = took.slice(Number(values['warm-up']))
const calibrationMs = quantile(loops, 0.5)
const whole = latencyOf(measured.map(({ checksMs, stepMs }) => checksMs + stepMs))
const checks = latencyOf(measured.map(({ checksMs }) => checksMs))
const alertStep = latencyOf(measured.map(({ stepMs }) => stepMs))
console.log(`checks       p50 ${checks.p50Ms} ms, p99 ${checks.p99Ms} ms`)
console.log(`alert step   p50 ${alertStep.p50Ms} ms, p99 ${alertStep.p99Ms} ms`)
console.log(`both         p50 ${whole.p50Ms} ms, p99 ${whole.p99Ms} ms (bar ${barMs})`)
console.log(`calibration  ${rounded(calibrationMs)} ms`)
console.log(
  JSON.stringify({
    bench: 'checks',
    ...size,
    vmsSeen: replay.fleet.snapshot().vms.size,
    findings,
    firing: [...state.alerts.values()].filter(({ phase }) => phase === 'firing').length,
    checks,
    alertStep,
    whole,
    barMs,
    met: whole.p99Ms <= barMs,
    calibrationMs: rounded(calibrationMs),
    p50TimesCalibration: rounded(whole.p50Ms / calibrationMs),
    p99TimesCalibration: rounded(whole.p99Ms / calibrationMs),
  }),
)

function judge(atMs: number): void {
  const snapshot = replay.fleet.snapshot()
  const beganMs = performance.now()
  const { labels, findings: said } = judgeFleet(snapshot, policy)
  const checkedMs = performance.now()
  const done = step(state, [...said.stands, ...said.kept], worldOf(snapshot, saidBy(labels)), settings, {
    atMs,
    elapsedMs: hostsBeatMs / ticksOfBeat,
  })
  took.push({ checksMs: checkedMs - beganMs, stepMs: performance.now() - checkedMs })
  loops.push(calibrationLoop())
  state = done.state
  findings = said.stands.length
}

/** Milliseconds that a fixed piece of the kind of work that checks are takes: maps, texts and sums. */
function calibrationLoop(): number {
  const beganMs = performance.now()
  const sums = new Map<string, number>()
  for (let at = 0; at < 50_000; at += 1) {
    const key = `h${at % 997}`
    sums.set(key, (sums.get(key) ?? 0) + at)
  }
  if (sums.size !== 997) throw new Error('the loop did not run')
  return performance.now() - beganMs
}
