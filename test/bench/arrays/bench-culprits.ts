import { parseArgs } from 'node:util'

import { simulateTicks } from '../../../agent/hypervisor/simulated/simulate-ticks.js'
import { createWorld } from '../../../agent/hypervisor/simulated/world.js'
import { contributionsOf } from '../../../controller/arrays/contributions.js'
import { newCulprits, step, type CulpritState } from '../../../controller/arrays/culprits.js'
import { steadied } from '../../../controller/arrays/steady-suspects.js'
import { rank } from '../../../controller/arrays/suspects.js'
import { nobodySuspected, type Culprits } from '../../../controller/model/culprits.js'
import type { Snapshot } from '../../../controller/model/snapshot.js'
import { Replay } from '../../support/replay.js'
import { stormFleet } from '../checks/large-fleet.js'
import { latencyOf, quantile, rounded } from '../store/figures.js'

/**
 * What it takes each second to follow who does more than usual on all arrays of a large fleet on a bad day, and to rank them: what
 * `controller/array-watch` does beside the models. Beside it a loop whose work is always the same.
 */
const { values } = parseArgs({
  options: {
    arrays: { type: 'string', default: '200' },
    vms: { type: 'string', default: '3000' },
    seconds: { type: 'string', default: '60' },
    'warm-up': { type: 'string', default: '15' },
  },
})
const barMs = 2
const startMs = Date.UTC(2026, 2, 2, 9)
const seconds = Number(values.seconds)
const warmUp = Number(values['warm-up'])
const world = createWorld(stormFleet({ hosts: 200, arrays: Number(values.arrays), vms: Number(values.vms) }), {
  seed: 1,
  startMs,
  stepMs: 1000,
})
const replay = new Replay(world)
replay.connect(startMs)
const states = new Map<string, { readonly state: CulpritState; readonly culprits: Culprits }>()
const took: number[] = []
const spent: number[] = []
const loops: number[] = []
let users = 0
let suspects = 0
for (let second = 1; second <= warmUp + seconds; second += 1) {
  const atMs = startMs + second * 1000
  for (const tick of simulateTicks(world, { fromMs: atMs - 1000, toMs: atMs, stepMs: 1000 })) replay.take(tick)
  const snapshot = replay.fleet.snapshot()
  const beganCpu = process.cpuUsage()
  const beganMs = performance.now()
  follow(snapshot, atMs)
  took.push(performance.now() - beganMs)
  const { user, system } = process.cpuUsage(beganCpu)
  spent.push((user + system) / 1000)
  loops.push(calibration())
}
const measured = latencyOf(took.slice(warmUp))
const cpuMs = spent.slice(warmUp).reduce((sum, ms) => sum + ms, 0) / seconds
console.log(
  JSON.stringify({
    bench: 'culprits',
    arrays: states.size,
    users,
    suspects,
    seconds,
    ...measured,
    meanCpuMs: rounded(cpuMs),
    microsecondsPerArray: rounded((1000 * cpuMs) / states.size),
    barMs,
    met: cpuMs <= barMs,
    calibrationMs: rounded(quantile(loops, 0.5)),
  }),
)

function follow(snapshot: Snapshot, atMs: number): void {
  users = 0
  suspects = 0
  for (const array of snapshot.arrays.values()) {
    if (array.key.startsWith('local:')) continue
    const before = states.get(array.key) ?? { state: newCulprits(atMs), culprits: nobodySuspected }
    const contributions = contributionsOf(snapshot, [array])
    const state = step(before.state, { at: atMs, state: 'saturated', contributions })
    const culprits = steadied(
      before.culprits,
      rank(state, () => []),
    )
    states.set(array.key, { state, culprits })
    users += contributions.length
    suspects += culprits.suspects.length
  }
}

/** Always the same work. */
function calibration(): number {
  const began = performance.now()
  let sum = 0
  for (let turn = 0; turn < 20_000; turn += 1) sum += Math.sqrt(turn)
  return sum > 0 ? performance.now() - began : 0
}
