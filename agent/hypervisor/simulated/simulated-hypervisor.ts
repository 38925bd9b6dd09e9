import type {
  Capability,
  HostIdentity,
  Hypervisor,
  HypervisorEvent,
  Inventory,
  Sample,
  SampleGroup,
  SampleOptions,
} from '../hypervisor.js'
import { HypervisorUnavailable } from '../hypervisor.js'
import { capabilitiesOf, measuredBy } from './driver-limits.js'
import type { SimHost, SimVm } from './entities.js'
import { eventTold } from './esxi-words.js'
import { inventoryOf } from './host-inventory.js'
import { sampleHost } from './host-sample.js'
import { SimulatedControl } from './simulated-control.js'
import { diskActivity } from './vm-sample.js'
import type { World } from './world.js'

/** What a hypervisor needs of the fleet that it belongs to. */
export interface FleetClock {
  /** Brings the world to the present; returns the simulated time. */
  readonly catchUp: () => number
  /** Resolves when the world has moved by itself; rejects when the signal aborts. */
  readonly nextTick: (signal: AbortSignal) => Promise<void>
  readonly closed: () => Promise<void>
  /** Whether VMs may be acted on. */
  readonly control: boolean
}

/** One host of a simulated fleet. It shows what the real driver of its kind could show, and nothing else. */
export class SimulatedHypervisor implements Hypervisor {
  readonly #closing = new AbortController()
  readonly #world: World
  readonly #host: SimHost
  readonly #clock: FleetClock
  readonly control: SimulatedControl | undefined
  /** Disk activity of each run when it was last read. */
  #seen: ReadonlyMap<string, number> = new Map()

  constructor(world: World, host: SimHost, clock: FleetClock) {
    this.#world = world
    this.#host = host
    this.#clock = clock
    // As real ones: others are only read.
    const acts = clock.control && host.spec.kind === 'kvm'
    this.control = acts ? new SimulatedControl(world, host, (signal) => this.#present(signal)) : undefined
  }

  get identity(): HostIdentity {
    const { id, spec, bootId } = this.#host
    return { hostId: id, name: spec.name, kind: spec.kind, bootId, simulated: true }
  }

  async probe(signal: AbortSignal): Promise<readonly Capability[]> {
    this.#present(signal)
    return capabilitiesOf(this.#host.spec.kind)
  }

  async inventory(signal: AbortSignal): Promise<Inventory> {
    this.#present(signal)
    return inventoryOf(this.#host)
  }

  async sample(groups: ReadonlySet<SampleGroup>, options: SampleOptions, signal: AbortSignal): Promise<Sample> {
    const atMs = this.#present(signal)
    const share = this.#world.shareAt(atMs)
    // The agent's own write goes with the fast lane, as on real hosts.
    const withCanary = options.onlyMoved === true ? new Set<SampleGroup>([...groups, 'canary']) : groups
    const reading = { groups: withCanary, can: measuredBy(this.#host.spec.kind), atMs: Math.round(atMs), share }
    const hasMoved = options.onlyMoved === true ? this.#hasMoved(share) : undefined
    const sample = sampleHost(this.#host, reading, { vmUuids: options.vmUuids, hasMoved })
    if (groups.has('block')) this.#remember(share, options.vmUuids)
    return sample
  }

  async *events(signal: AbortSignal): AsyncGenerator<HypervisorEvent, void, void> {
    const ended = AbortSignal.any([signal, this.#closing.signal])
    while (!ended.aborted) {
      for (const event of this.#world.takeEvents(this.#host)) {
        const told = eventTold(this.#host.spec.kind, event)
        if (told !== undefined) yield told
      }
      try {
        await this.#clock.nextTick(ended)
      } catch (error) {
        if (!ended.aborted) throw error
      }
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    await this.#clock.closed()
  }

  /** The simulated time, if the host can be reached then. */
  #present(signal: AbortSignal): number {
    signal.throwIfAborted()
    if (this.#closing.signal.aborted) throw new HypervisorUnavailable('closed')
    const atMs = this.#clock.catchUp()
    if (!this.#host.up) throw new HypervisorUnavailable(`${this.#host.spec.name} does not answer (simulated)`)
    return atMs
  }

  /** A disk that KVM reaches over the network by itself leaves no trace on the host: it counts as moved. */
  #hasMoved(share: number): (vm: SimVm) => boolean {
    return (vm) =>
      (vm.path.array.shared && this.#host.spec.kind === 'kvm') || this.#seen.get(vm.runId) !== diskActivity(vm, share)
  }

  #remember(share: number, vmUuids: ReadonlySet<string> | undefined): void {
    const seen = new Map<string, number>()
    for (const vm of this.#host.active) {
      const last = this.#seen.get(vm.runId)
      if (vmUuids?.has(vm.uuid) !== false) seen.set(vm.runId, diskActivity(vm, share))
      else if (last !== undefined) seen.set(vm.runId, last)
    }
    this.#seen = seen
  }
}
