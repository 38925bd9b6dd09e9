import { EventEmitter, once } from 'node:events'

import { pause } from '../../../common/lifecycle.js'
import type { Log } from '../../../common/log.js'
import type { Hypervisor } from '../hypervisor.js'
import type { FleetSpec } from '../../../common/fleet-file/fleet-spec.js'
import { SimulatedHypervisor } from './simulated-hypervisor.js'
import { readJson, writeJson } from './state-file.js'
import { restoreWorld, saveWorld } from './world-state.js'
import { createWorld, defaultStepMs, type World } from './world.js'

export interface SimulatedFleetOptions {
  readonly spec: FleetSpec
  /** Instead of the fleet's own. */
  readonly seed?: number
  /** Above 0. 1: real time. Faster, and samples carry simulated times, which run ahead of the clock. */
  readonly speed: number
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  readonly log?: Log
  /** Where the world waits between two lives of the process. */
  readonly statePath?: string
  /** Whether its VMs may be acted on; default false. */
  readonly control?: boolean
  /** Width of a step; a wider one costs less on large fleets. */
  readonly stepMs?: number
}

/**
 * Opens a simulated fleet: one hypervisor for each host, all on one world, which runs as long as one of them is open.
 * A saved world of the same fleet, seed and step goes on; what lies between is skipped if it is long.
 */
export function openSimulatedFleet(options: SimulatedFleetOptions): readonly Hypervisor[] {
  const fleet = new RunningFleet(options)
  return fleet.open()
}

/** A saved world that is further ahead of the clock was run faster, or the clock went back: it cannot go on in real time. */
const mostAheadMs = 60_000
/**
 * A longer silence is not worked out in detail: of the process, or of the machine that slept. An hour; less for a fleet
 * so large that working it out would take seconds.
 */
function longestGapMs({ vms, stepMs }: World): number {
  return Math.min(3_600_000, (5e6 / Math.max(1, vms.length)) * stepMs)
}

const tickMs = 500
const saveEveryMs = 60_000

class RunningFleet {
  readonly #world: World
  readonly #stop = new AbortController()
  readonly #ticks = new EventEmitter()
  readonly #beganAtMs: number
  readonly #beganSimulatedMs: number
  #lastLookMs: number
  #open: number
  #running: Promise<void> = Promise.resolve()
  #saving: Promise<void> = Promise.resolve()

  constructor(private readonly options: SimulatedFleetOptions) {
    const { spec, now, speed, statePath, seed = spec.seed } = options
    const stepMs = options.stepMs ?? (speed > 4 ? 4 * defaultStepMs : defaultStepMs)
    this.#beganAtMs = now()
    const saved = statePath === undefined ? undefined : restoreWorld(readJson(statePath), spec, { seed, stepMs })
    const usable = saved !== undefined && (speed !== 1 || saved.nowMs - this.#beganAtMs <= mostAheadMs)
    this.#world = usable ? saved : createWorld(spec, { seed, stepMs, startMs: this.#beganAtMs })
    this.#beganSimulatedMs = speed === 1 ? this.#beganAtMs : Math.max(this.#beganAtMs, this.#world.nowMs)
    if (this.#beganSimulatedMs - this.#world.nowMs > longestGapMs(this.#world)) this.#world.jump(this.#beganSimulatedMs)
    this.#lastLookMs = this.#beganAtMs
    this.#open = this.#world.hosts.length
    this.#ticks.setMaxListeners(0)
  }

  open(): readonly Hypervisor[] {
    this.#running = this.#run().catch((error: unknown) => {
      this.options.log?.error({ err: error }, 'simulated fleet stopped')
    })
    return this.#world.hosts.map(
      (host) =>
        new SimulatedHypervisor(this.#world, host, {
          catchUp: () => this.#catchUp(),
          nextTick: async (signal) => {
            await once(this.#ticks, 'tick', { signal })
          },
          closed: () => this.#closeOne(),
          control: this.options.control === true,
        }),
    )
  }

  /** Brings the world to the present and returns its time. */
  #catchUp(): number {
    const wallMs = this.options.now()
    const nowMs = this.#beganSimulatedMs + Math.max(0, wallMs - this.#beganAtMs) * this.options.speed
    if (wallMs - this.#lastLookMs > longestGapMs(this.#world)) this.#world.jump(nowMs)
    this.#lastLookMs = wallMs
    this.#world.advance(nowMs)
    return nowMs
  }

  /** Keeps the world moving when nobody reads, so that events come in time, and saves it. */
  async #run(): Promise<void> {
    const { signal } = this.#stop
    let lastSaveMs = this.#beganAtMs
    while (!signal.aborted) {
      await pause(tickMs, signal)
      this.#catchUp()
      this.#ticks.emit('tick')
      if (this.#lastLookMs - lastSaveMs < saveEveryMs) continue
      lastSaveMs = this.#lastLookMs
      await this.#save()
    }
  }

  async #closeOne(): Promise<void> {
    this.#open -= 1
    if (this.#open > 0) return
    this.#stop.abort()
    await this.#running
    this.#catchUp()
    await this.#save()
  }

  #save(): Promise<void> {
    const { statePath, log } = this.options
    if (statePath === undefined) return this.#saving
    this.#saving = writeJson(statePath, saveWorld(this.#world)).catch((error: unknown) => {
      log?.warn({ err: error, path: statePath }, 'simulated world could not be saved')
    })
    return this.#saving
  }
}
