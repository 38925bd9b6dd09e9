import { setTimeout as delay } from 'node:timers/promises'

import { expect, it } from 'vitest'

import type { FleetSpec, TimelineEvent } from '../../common/fleet-file/fleet-spec.js'
import { loadFleet } from '../../common/fleet-file/fleet-file.js'
import { simulateTicks, type SimulatedTick } from '../../agent/hypervisor/simulated/simulate-ticks.js'
import { createWorld, type World } from '../../agent/hypervisor/simulated/world.js'
import type { Snapshot } from '../../controller/model/snapshot.js'
import type { Inventory } from '../../agent/hypervisor/hypervisor.js'
import type { Point } from '../../controller/store/time-series.js'
import { comparable, Replay } from '../support/replay.js'

const day = 86_400_000
const startMs = Date.UTC(2011, 3, 1)
const elab = loadFleet('deploy/fleets/elab.yaml')

/** What happens within the month. */
const timeline: readonly TimelineEvent[] = [
  { atMs: 2 * day, event: 'profile', vm: 'kure', profile: 'runaway' },
  { atMs: 2 * day + 3_600_000, event: 'profile', vm: 'kure', profile: 'idle' },
  { atMs: 5 * day, event: 'migrate', vm: 'mail', to: 'xenhv03' },
  { atMs: 9 * day, event: 'crash', vm: 'gashi' },
  { atMs: 9 * day + 60_000, event: 'start', vm: 'gashi' },
  { atMs: 12 * day, event: 'host-lost', host: 'xenhv02' },
  { atMs: 12 * day + 7_200_000, event: 'host-back', host: 'xenhv02' },
  { atMs: 20 * day, event: 'shutdown', vm: 'take' },
  { atMs: 25 * day, event: 'destroy', vm: 'dk' },
]

const spec: FleetSpec = { ...elab, timeline }

interface Outcome {
  readonly snapshot: Snapshot
  readonly points: number
  readonly bad: readonly string[]
}

/** Takes ticks as they come; those of one moment in the order that `arrange` gives them. */
class Player {
  readonly #bad: string[] = []
  readonly #replay: Replay
  #points = 0

  constructor(
    private readonly world: World,
    private readonly arrange: (same: SimulatedTick[]) => SimulatedTick[] = (same) => same,
  ) {
    this.#replay = new Replay(world, (batch) => this.#check(batch))
    this.#replay.connect(startMs)
  }

  play(ticks: Iterable<SimulatedTick>): void {
    let moment: SimulatedTick[] = []
    // The generator moves the world on: what a tick's host was then has to be looked at before the next tick.
    let inventories = new Map<string, Inventory | undefined>()
    const flush = (): void => {
      for (const tick of this.arrange(moment))
        this.#replay.take(tick, { inventory: inventories.get(tick.hostId), lane: 'state' })
      moment = []
      inventories = new Map()
    }
    for (const tick of ticks) {
      moment.push(tick)
      inventories.set(tick.hostId, this.#replay.inventoryAt(tick))
      if (moment.length === this.world.hosts.length) flush()
    }
  }

  outcome(): Outcome {
    const contradictions = [...this.#replay.fleet.contradictions().keys()]
    return { snapshot: this.#replay.fleet.snapshot(), points: this.#points, bad: [...this.#bad, ...contradictions] }
  }

  #check(batch: readonly Point[]): void {
    this.#points += batch.length
    for (const point of batch) {
      for (const [field, value] of Object.entries(point.fields)) {
        if (!Number.isFinite(value) || value < 0) this.#bad.push(`${point.entity.id} ${field} ${value}`)
      }
    }
  }
}

it('a month of the simulated elab has no NaN and no negative figure, and ends the same whatever order hosts report in', () => {
  const play = (arrange?: (same: SimulatedTick[]) => SimulatedTick[]): Outcome => {
    const world = createWorld(spec, { seed: 7, startMs, stepMs: 60_000 })
    const player = new Player(world, arrange)
    player.play(simulateTicks(world, { fromMs: startMs, toMs: startMs + 30 * day, stepMs: 1_800_000 }))
    return player.outcome()
  }
  const straight = play()
  expect(straight.bad).toEqual([])
  expect(straight.points).toBeGreaterThan(80_000)
  const reversed = play((same) => same.toReversed())
  expect(comparable(reversed.snapshot)).toEqual(comparable(straight.snapshot))

  const vms = [...straight.snapshot.vms.values()]
  const hosts = new Map([...straight.snapshot.hosts.values()].map((host) => [host.id, host.name]))
  const of = (name: string): string | undefined => {
    const vm = vms.find((one) => one.name === name)
    return vm === undefined ? undefined : `${vm.state} on ${hosts.get(vm.hostId) ?? '?'}`
  }
  expect(vms).toHaveLength(31)
  expect([of('mail'), of('gashi'), of('auth'), of('take'), of('dk')]).toEqual([
    'running on xenhv03',
    'running on xenhv04',
    'running on xenhv02',
    'shutoff on xenhv04',
    'shutoff on xenhv04',
  ])
}, 180_000)

it('the same events in real time and replayed at full speed end in the same state', async () => {
  const short: FleetSpec = {
    ...elab,
    timeline: [
      { atMs: 2000, event: 'profile', vm: 'kure', profile: 'runaway' },
      { atMs: 3000, event: 'migrate', vm: 'mail', to: 'xenhv03' },
      { atMs: 4000, event: 'destroy', vm: 'dk' },
    ],
  }
  const options = { seed: 7, startMs, stepMs: 250 }
  const forMs = 8000

  const fastWorld = createWorld(short, options)
  const fast = new Player(fastWorld)
  fast.play(simulateTicks(fastWorld, { fromMs: startMs, toMs: startMs + forMs, stepMs: 1000 }))

  const liveWorld = createWorld(short, options)
  const live = new Player(liveWorld)
  const began = performance.now()
  for (let atMs = 1000; atMs <= forMs; atMs += 1000) {
    // The clock moves the world in odd steps, as a running agent does; ticks fall on the second.
    while (performance.now() - began < atMs) {
      await delay(70)
      liveWorld.advance(startMs + Math.min(atMs, performance.now() - began))
    }
    live.play(simulateTicks(liveWorld, { fromMs: startMs + atMs - 1000, toMs: startMs + atMs, stepMs: 1000 }))
  }
  expect(live.outcome().points).toBe(fast.outcome().points)
  expect(comparable(live.outcome().snapshot)).toEqual(comparable(fast.outcome().snapshot))
})
