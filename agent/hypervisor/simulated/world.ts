import type { HypervisorEvent } from '../hypervisor.js'
import { createEntities, type Entities, type SimHost, type SimVm } from './entities.js'
import type { FleetSpec, TimelineEvent } from '../../../common/fleet-file/fleet-spec.js'
import { act, type VmAction } from './vm-acts.js'
import { beginRun, happen } from './vm-life.js'
import { step, stepRules } from './world-step.js'
import { truthOf, type Truth } from './world-truth.js'

export interface WorldOptions {
  readonly seed: number
  /** Wall clock at which the world begins, milliseconds since the epoch. */
  readonly startMs: number
  /** Width of a step. Results depend on it: compare only worlds of equal steps. */
  readonly stepMs?: number
  /** No VM runs, whatever the fleet says: for a world that is restored. */
  readonly empty?: boolean
}

export interface Progress {
  readonly nowMs: number
  readonly nextEvent: number
  readonly skippedEvents: string[]
}

export const defaultStepMs = 250

/**
 * A fleet as physics: demand of guests, CPUs that they share, arrays with caches. Deterministic: fleet, seed, start and
 * step decide everything, however `advance` is chopped. It moves in whole steps and stays less than one ahead of what
 * it was asked for; readers interpolate (see `Counters`).
 */
export class World implements Entities {
  readonly hosts: Entities['hosts']
  readonly arrays: Entities['arrays']
  readonly vms: Entities['vms']
  readonly fleet: string
  readonly seed: number
  readonly startMs: number
  readonly stepMs: number
  readonly #timeline: FleetSpec['timeline']
  readonly #rules: ReturnType<typeof stepRules>
  #nowMs: number
  #nextEvent = 0
  #skippedEvents: readonly string[] = []

  constructor(
    readonly spec: FleetSpec,
    { seed, startMs, stepMs = defaultStepMs, empty = false }: WorldOptions,
  ) {
    const { hosts, arrays, vms } = createEntities(spec, seed, startMs)
    this.hosts = hosts
    this.arrays = arrays
    this.vms = vms
    this.fleet = spec.name
    this.seed = seed
    this.startMs = startMs
    this.stepMs = stepMs
    this.#timeline = spec.timeline
    this.#rules = stepRules(stepMs, spec.utcOffsetHours)
    this.#nowMs = startMs
    for (const vm of vms) {
      if (empty || !vm.spec.running) continue
      beginRun(this, vm, 'booted')
      vm.usedBytes = 0.4 * vm.spec.memoryBytes
      vm.touchedBytes = vm.usedBytes
    }
  }

  /** End of the last step. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Runs whole steps until `toMs` is reached; does nothing for the past. */
  advance(toMs: number): void {
    while (this.#nowMs < toMs) {
      this.#runTimeline(this.#nowMs)
      step(this, this.#rules, this.#nowMs)
      this.#nowMs += this.stepMs
    }
  }

  /**
   * Skips to `toMs` without working out what lies between: totals stand, caches have drained, events of the timeline
   * have happened. For the time in which nobody ran the world.
   */
  jump(toMs: number): void {
    if (toMs <= this.#nowMs) return
    this.#runTimeline(toMs, (atMs) => {
      this.#nowMs = Math.max(this.#nowMs, atMs)
    })
    this.#nowMs = toMs
    for (const { state } of this.arrays) {
      state.fillBytes = 0
      state.overcommittedMs = 0
      state.frozenUntilMs = 0
      state.frozen = false
      state.frozenMs = 0
    }
    for (const vm of this.vms) {
      vm.backlogBytes = 0
      vm.turn.stalledReads = 0
      vm.turn.stalledWrites = 0
      vm.totals.mark()
    }
    for (const host of this.hosts) {
      host.totals.mark()
      for (const path of host.paths) path.totals.mark()
    }
  }

  /** Makes something happen now. Returns why it cannot, or undefined. */
  apply(event: TimelineEvent): string | undefined {
    return happen(this, event)
  }

  /** Does what a command wants. Returns why the hypervisor refuses, or undefined. */
  act(vm: SimVm, action: VmAction): string | undefined {
    return act(this, vm, action)
  }

  /** How much of the last step has passed at `atMs`, 0 to 1. */
  shareAt(atMs: number): number {
    return Math.min(1, Math.max(0, (atMs - this.#nowMs + this.stepMs) / this.stepMs))
  }

  /** Takes the events of a host that nobody has taken yet, oldest first. */
  takeEvents(host: SimHost): HypervisorEvent[] {
    return host.events.splice(0)
  }

  /** What really goes on, for tests to compare with what is measured and learnt. */
  truth(): Truth {
    return truthOf(this, this.#nowMs, this.#skippedEvents)
  }

  /** Where the world stands, beside its entities; for saving. */
  get progress(): Progress {
    return { nowMs: this.#nowMs, nextEvent: this.#nextEvent, skippedEvents: [...this.#skippedEvents] }
  }

  /** Goes on from a saved moment; the entities are restored by the caller. */
  resumeAt({ nowMs, nextEvent, skippedEvents }: Progress): void {
    this.#nowMs = nowMs
    this.#nextEvent = nextEvent
    this.#skippedEvents = skippedEvents
  }

  #runTimeline(untilMs: number, reach?: (atMs: number) => void): void {
    for (;;) {
      const event = this.#timeline[this.#nextEvent]
      if (event === undefined || this.startMs + event.atMs > untilMs) return
      this.#nextEvent += 1
      reach?.(this.startMs + event.atMs)
      const problem = happen(this, event)
      if (problem !== undefined) this.#skippedEvents = [...this.#skippedEvents, problem].slice(-100)
    }
  }
}

export function createWorld(spec: FleetSpec, options: WorldOptions): World {
  return new World(spec, options)
}
