import { createHash } from 'node:crypto'

import { withDeadline } from '../../common/deadline.js'
import { pause } from '../../common/lifecycle.js'
import type { Log } from '../../common/log.js'
import {
  HypervisorUnavailable,
  type ArrayFacts,
  type ArrayRaw,
  type Capability,
  type Gap,
  type HostFacts,
  type HostRaw,
  type Hypervisor,
  type HypervisorEvent,
  type Inventory,
  type Sample,
  type SampleGroup,
  type SampleOptions,
} from '../hypervisor/hypervisor.js'
import type { Pass } from '../report/report-to-wire.js'
import { runTicker } from './ticker.js'

export interface Intervals {
  readonly stateMs: number
  readonly fastMs: number
  readonly blockMs: number
  readonly guestMemoryMs: number
  readonly inventoryMs: number
}

/** The machine beneath a hypervisor, where the driver does not know it itself. */
export interface Machine {
  sample(signal: AbortSignal): Promise<{ readonly host: HostRaw; readonly collectors: Pass['collectors'] }>
  /** Adds what the machine knows of itself: model, kernel, disks. */
  complete(facts: HostFacts): Promise<HostFacts>
  arrays(arrays: readonly ArrayFacts[]): Promise<readonly ArrayRaw[]>
}

export interface HostLoopOptions {
  readonly hypervisor: Hypervisor
  readonly machine: Machine | undefined
  readonly intervals: () => Intervals
  readonly onPass: (pass: Pass) => void
  readonly onInventory: (inventory: Inventory, revision: string) => void
  readonly onCapabilities: (capabilities: readonly Capability[]) => void
  readonly log: Log
  readonly now: () => number
  readonly monotonicMs: () => number
}

const always: readonly SampleGroup[] = ['state', 'cpu', 'mem-size', 'mem-rss', 'nic', 'host']
/** Events that come close together go in one report. */
const gatherEventsMs = 50
/** Over this many events at once one pass over all VMs is cheaper. */
const manyEvents = 64
const secondPassAfterMs = 2000
const inventoryDeadlineMs = 60_000
const passDeadlineMs = 30_000

/** Reads one host on the schedule by cost: the state lane, the fast lane, events and inventory, each at its own beat. */
export class HostLoop {
  readonly #stop = new AbortController()
  readonly #lastRead = new Map<SampleGroup, number>()
  #arrays: readonly ArrayFacts[] = []
  #revision = ''
  #inventoryWanted = true
  #wakeInventory: (() => void) | undefined
  #unreachable = false
  #skippedTicks = 0
  #lastPassAt: number | undefined
  #running: Promise<unknown> | undefined

  constructor(private readonly options: HostLoopOptions) {}

  start(): void {
    const { signal } = this.#stop
    const ticker = (intervalMs: () => number, work: () => Promise<void>): Promise<void> =>
      runTicker({
        intervalMs,
        work,
        signal,
        monotonicMs: this.options.monotonicMs,
        onSkipped: (beats) => {
          this.#skippedTicks += beats
        },
      })
    const { intervals } = this.options
    this.#running = Promise.all([
      this.#stateLane(ticker),
      ticker(
        () => intervals().fastMs,
        () => this.#guard('fast', () => this.#fastPass()),
      ),
      this.#eventLoop(),
      this.#inventoryLoop(),
    ])
  }

  /** The first pass gives totals, the second rates: that one comes soon, so that a person who starts us sees figures. */
  async #stateLane(ticker: (intervalMs: () => number, work: () => Promise<void>) => Promise<void>): Promise<void> {
    const pass = (): Promise<void> => this.#guard('state', () => this.#statePass())
    await pass()
    await pause(Math.min(secondPassAfterMs, this.options.intervals().stateMs), this.#stop.signal)
    await ticker(() => this.options.intervals().stateMs, pass)
  }

  get skippedTicks(): number {
    return this.#skippedTicks
  }

  /** When the state lane last ended, wall clock; undefined before the first. */
  get lastPassAt(): number | undefined {
    return this.#lastPassAt
  }

  get unreachable(): boolean {
    return this.#unreachable
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#wakeInventory?.()
    await this.#running
  }

  /** A lane never ends by an error: what failed is in the report as a gap, or in the log as a fault of ours. */
  async #guard(lane: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!this.#stop.signal.aborted) this.options.log.error({ err: error, lane }, 'a pass failed')
    }
  }

  #within<Result>(deadlineMs: number, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    return withDeadline(deadlineMs, this.#stop.signal, work)
  }

  #isDue(group: SampleGroup, everyMs: number, atMs: number): boolean {
    // A tenth of slack: a beat that comes a little early still counts.
    return atMs - (this.#lastRead.get(group) ?? -Infinity) >= everyMs * 0.9
  }

  async #statePass(): Promise<void> {
    const { intervals, machine, now } = this.options
    const atMs = now()
    const beatMs = this.options.monotonicMs()
    const groups = new Set(always)
    if (this.#isDue('block', intervals().blockMs, beatMs)) groups.add('block')
    if (this.#isDue('mem-guest', intervals().guestMemoryMs, beatMs)) groups.add('mem-guest')
    for (const group of groups) this.#lastRead.set(group, beatMs)
    const [sample, own] = await this.#within(passDeadlineMs, (signal) =>
      Promise.all([this.#sample(groups, {}, signal), machine?.sample(signal)]),
    )
    this.options.onPass({
      lane: 'state',
      atMs,
      vms: sample.vms,
      gaps: sample.gaps,
      host: sample.host ?? own?.host,
      arrays: [],
      events: [],
      collectors: own?.collectors ?? [],
    })
    this.#lastPassAt = now()
  }

  async #fastPass(): Promise<void> {
    if (this.#unreachable) return
    const atMs = this.options.now()
    const [sample, counters] = await this.#within(passDeadlineMs, (signal) =>
      Promise.all([
        this.#sample(new Set<SampleGroup>(['block']), { onlyMoved: true }, signal),
        this.options.machine?.arrays(this.#arrays),
      ]),
    )
    this.options.onPass({
      lane: 'fast',
      atMs,
      vms: sample.vms,
      gaps: sample.gaps,
      host: undefined,
      arrays: sample.arrays ?? counters ?? [],
      events: [],
      collectors: [],
    })
  }

  /** A sample; a connection that is down is a gap of the whole host. */
  async #sample(groups: ReadonlySet<SampleGroup>, options: SampleOptions, signal: AbortSignal): Promise<Sample> {
    const { hypervisor, log, now } = this.options
    try {
      const sample = await hypervisor.sample(groups, options, signal)
      this.#unreachable = false
      return sample
    } catch (error) {
      if (this.#stop.signal.aborted) throw error
      const message = error instanceof Error ? error.message : String(error)
      if (!this.#unreachable) log.warn({ err: error }, 'the hypervisor cannot be read')
      this.#unreachable = true
      const reason = error instanceof HypervisorUnavailable ? 'disconnected' : signal.aborted ? 'timeout' : 'failed'
      const gap: Gap = { group: 'state', reason, message, sinceMs: this.#lastPassAt ?? now() }
      return { vms: [], gaps: [gap] }
    }
  }

  async #eventLoop(): Promise<void> {
    const { signal } = this.#stop
    const waiting: HypervisorEvent[] = []
    let reporting: Promise<void> | undefined
    const report = async (): Promise<void> => {
      await pause(gatherEventsMs, signal)
      while (waiting.length > 0 && !signal.aborted) {
        await this.#guard('event', () => this.#eventPass(waiting.splice(0)))
      }
    }
    await this.#guard('event', async () => {
      for await (const event of this.options.hypervisor.events(signal)) {
        waiting.push(event)
        reporting ??= report().finally(() => {
          reporting = undefined
        })
      }
    })
    await reporting
  }

  async #eventPass(events: readonly HypervisorEvent[]): Promise<void> {
    const atMs = this.options.now()
    // What happened goes out at once; the sample after it may take as long as a stuck guest makes it.
    this.#pass({ lane: 'event', atMs, events })
    this.wantInventory()
    const vmUuids = new Set(events.flatMap((event) => event.vmUuid ?? []))
    const options: SampleOptions = vmUuids.size === 0 || vmUuids.size > manyEvents ? {} : { vmUuids }
    const groups = new Set<SampleGroup>(['state', 'cpu', 'mem-size', 'block', 'nic'])
    const sampledAtMs = this.options.now()
    const sample = await this.#within(passDeadlineMs, (signal) => this.#sample(groups, options, signal))
    this.#pass({ lane: 'event', atMs: sampledAtMs, vms: sample.vms, gaps: [] })
  }

  #pass(part: Pick<Pass, 'lane' | 'atMs'> & Partial<Pass>): void {
    this.options.onPass({ vms: [], gaps: [], host: undefined, arrays: [], events: [], collectors: [], ...part })
  }

  /** Reads the inventory soon. */
  wantInventory(): void {
    this.#inventoryWanted = true
    this.#wakeInventory?.()
  }

  async #inventoryLoop(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      this.#inventoryWanted = false
      await this.#guard('inventory', () => this.#readInventory())
      if (signal.aborted) return
      const waited = new AbortController()
      this.#wakeInventory = () => waited.abort()
      if (!this.#inventoryWanted) {
        await pause(this.options.intervals().inventoryMs, waited.signal)
      }
      this.#wakeInventory = undefined
    }
  }

  async #readInventory(): Promise<void> {
    const { hypervisor, machine } = this.options
    try {
      const [read, capabilities] = await this.#within(inventoryDeadlineMs, (signal) =>
        Promise.all([hypervisor.inventory(signal), hypervisor.probe(signal)]),
      )
      const host = machine === undefined ? read.host : await machine.complete(read.host)
      const inventory = { ...read, host }
      this.#arrays = inventory.arrays
      this.options.onCapabilities(capabilities)
      const revision = createHash('sha256').update(JSON.stringify(inventory)).digest('base64url')
      if (revision === this.#revision) return
      this.#revision = revision
      this.options.onInventory(inventory, revision)
    } catch (error) {
      // The state lane says that the hypervisor is away; it comes back with an event, which asks for the inventory again.
      if (!(error instanceof HypervisorUnavailable)) throw error
    }
  }
}
