import { createHash } from 'node:crypto'

import { withDeadline } from '../../common/deadline.js'
import { pause } from '../../common/lifecycle.js'
import type { Log } from '../../common/log.js'
import {
  HypervisorUnavailable,
  type ArrayFacts,
  type ArrayRaw,
  type Capability,
  type EventKind,
  type ExportRaw,
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
import type { StorageHealthRaw } from '../storage/health/health-raw.js'
import type { StorageHealthReader } from '../storage/health/storage-health.js'
import { mergeArrays } from '../storage/merge-arrays.js'
import { EventLane } from './event-lane.js'
import { FollowUp } from './follow-up.js'
import { InventoryLoop } from './inventory-loop.js'
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
  /** What can be measured of the machine; wins over what the driver says of the same. */
  capabilities(): Promise<readonly Capability[]>
  arrays(arrays: readonly ArrayFacts[]): Promise<readonly ArrayRaw[]>
  /** Arrays that it knows of itself, besides those of the hypervisor's disks. */
  ownArrays?(): Promise<readonly ArrayFacts[]>
  /** What it exports to others as a storage server; undefined: nothing, or it could not be read now. Ends soon. */
  exports?(): Promise<readonly ExportRaw[] | undefined>
  /** @returns false if something of it hangs in the storage and could not be ended */
  close?(): Promise<boolean>
  /** Health of its storage, if that is read. */
  readonly storageHealth?: Pick<StorageHealthReader, 'lanes' | 'latest' | 'runs'> | undefined
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
const secondPassAfterMs = 2000
const inventoryDeadlineMs = 60_000
const passDeadlineMs = 30_000
/** The health of the storage is told again so often, though it is read more rarely: a controller that was started anew has to learn it. */
const healthAgainMs = 60_000

/** Events that change nothing of what VMs are made of. */
const changesNoDefinition: ReadonlySet<EventKind> = new Set<EventKind>(['balloon-changed', 'suspended', 'resumed'])

/** It is suspended here to go on elsewhere. */
function isLeaving({ kind, reason }: HypervisorEvent): boolean {
  return kind === 'suspended' && (reason === 'migration' || reason === 'post-copy')
}

/** Reads one host on the schedule by cost: the state lane, the fast lane, events and inventory, each at its own beat. */
export class HostLoop {
  readonly #stop = new AbortController()
  readonly #lastRead = new Map<SampleGroup, number>()
  readonly #events: EventLane
  readonly #followUp: FollowUp
  readonly #lastReading: FollowUp
  readonly #inventory: InventoryLoop
  #arrays: readonly ArrayFacts[] = []
  #revision = ''
  #unreachableSince: number | undefined
  #problem = ''
  #skippedTicks = 0
  #toldHealth: { readonly health: StorageHealthRaw; readonly atMs: number } | undefined
  #lastPassAt: number | undefined
  #statePassing: Promise<void> | undefined
  /** The fast lane reads disks of VMs; undefined: it does not now. */
  #readingMoved: Promise<void> | undefined
  /** The pass after the hypervisor came back. */
  #readingAgain: Promise<void> | undefined
  #running: Promise<unknown> | undefined

  constructor(private readonly options: HostLoopOptions) {
    const { hypervisor, intervals, log, monotonicMs } = options
    const { signal } = this.#stop
    this.#events = new EventLane({
      events: (ended) => hypervisor.events(ended),
      report: (events) => void this.#guard('event', async () => this.#happened(events)),
      signal,
      log,
    })
    this.#followUp = new FollowUp((vmUuids) => this.#guard('event', () => this.#eventPass(vmUuids)))
    this.#lastReading = new FollowUp((vmUuids) => this.#guard('event', () => this.#readLast(vmUuids)))
    this.#inventory = new InventoryLoop({
      read: () => this.#guard('inventory', () => this.#readInventory()),
      intervalMs: () => intervals().inventoryMs,
      signal,
      monotonicMs,
    })
  }

  /** Reads capabilities and inventory once, so that the first hello is complete; what cannot be read yet comes later. */
  async prepare(): Promise<void> {
    await this.#guard('inventory', () => this.#readInventory())
  }

  start(): void {
    const inventory = this.#inventory.run({ waitFirst: this.#revision !== '' })
    // The state lane begins: what is read first are all groups of all VMs.
    const state = this.#stateLane()
    const fast = this.#isPaced ? undefined : this.#fastLane()
    this.#running = Promise.all([state, fast, this.#events.run(), inventory, this.#healthLanes()])
  }

  /** Beats that passed while the pass before still ran. */
  get skippedTicks(): number {
    return this.#skippedTicks
  }

  /** When the state lane last ended, wall clock; undefined before the first. */
  get lastPassAt(): number | undefined {
    return this.#lastPassAt
  }

  get unreachable(): boolean {
    return this.#unreachableSince !== undefined
  }

  /** Why the host, or a part of the way to it, was not reached in the last pass of the state lane; empty if all was. */
  get problem(): string {
    return this.#problem
  }

  /** Reads the inventory soon. */
  wantInventory(): void {
    this.#inventory.want()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await Promise.all([this.#followUp.end(), this.#lastReading.end(), this.#readingAgain, this.#readingMoved])
  }

  /** The first pass gives totals, the second rates: that one comes soon, so that a person who starts us sees figures. */
  async #stateLane(): Promise<void> {
    const pass = (): Promise<void> => this.#guard('state', () => this.#statePass())
    const stateMs = (): number => this.options.intervals().stateMs
    await pass()
    await pause(Math.min(secondPassAfterMs, stateMs()), this.#stop.signal)
    await this.#ticker(stateMs, pass)
  }

  #fastLane(): Promise<void> {
    const pass = (): Promise<void> => this.#guard('fast', () => this.#fastPass())
    return this.#ticker(() => this.options.intervals().fastMs, pass)
  }

  /** Rare, and as slow as the disks are: nothing waits for them. */
  async #healthLanes(): Promise<void> {
    const lanes = this.options.machine?.storageHealth?.lanes ?? []
    await Promise.all(
      lanes.map(({ intervalMs, refresh }) =>
        this.#ticker(
          () => intervalMs,
          () => this.#guard('storage health', () => refresh(this.#stop.signal)),
        ),
      ),
    )
  }

  /** What the next report tells of it: what is new, and the same again after a while. */
  #healthToTell(): StorageHealthRaw | undefined {
    const health = this.options.machine?.storageHealth?.latest
    const atMs = this.options.monotonicMs()
    const told = this.#toldHealth
    if (health === undefined || (told?.health === health && atMs - told.atMs < healthAgainMs)) return undefined
    this.#toldHealth = { health, atMs }
    return health
  }

  #ticker(intervalMs: () => number, work: () => Promise<void>): Promise<void> {
    const onSkipped = (beats: number): void => {
      this.#skippedTicks += beats
    }
    const { monotonicMs } = this.options
    return runTicker({ intervalMs, work, signal: this.#stop.signal, monotonicMs, onSkipped })
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

  /** One at a time: a pass that is asked for while one runs is that one. */
  #statePass(): Promise<void> {
    this.#statePassing ??= this.#readState().finally(() => {
      this.#statePassing = undefined
    })
    return this.#statePassing
  }

  async #readState(): Promise<void> {
    const { intervals, machine, now } = this.options
    const atMs = now()
    const beatMs = this.options.monotonicMs()
    const groups = new Set(always)
    if (this.#isDue('block', intervals().blockMs, beatMs)) groups.add('block')
    // Costly as well, and of use over longer times only.
    if (this.#isDue('mem-guest', intervals().guestMemoryMs, beatMs)) groups.add('mem-guest').add('vcpu-wait')
    for (const group of groups) this.#lastRead.set(group, beatMs)
    const [sample, own] = await this.#within(passDeadlineMs, (signal) =>
      Promise.all([this.#sample(groups, {}, signal), this.#ofMachine(() => machine?.sample(signal))]),
    )
    // A driver may know more of the machine than the machine's own system does: Xen's dom0 sees a share of it.
    this.#problem = hostProblem(sample.gaps)
    const host = sample.host === undefined && own === undefined ? undefined : { ...own?.host, ...sample.host }
    for (const one of sample.earlier ?? []) this.#ownPass(one, one.atMs ?? atMs)
    if (this.#isPaced) this.#ownPass(sample, sample.atMs ?? atMs)
    else
      this.#pass({
        lane: 'state',
        atMs,
        vms: sample.vms,
        gaps: sample.gaps,
        host,
        collectors: [...(own?.collectors ?? []), ...(machine?.storageHealth?.runs ?? [])],
        storageHealth: this.#healthToTell(),
      })
    this.#lastPassAt = now()
  }

  /** What a hypervisor that takes samples itself says of one moment. */
  #ownPass({ vms, gaps, host, arrays = [] }: Sample, atMs: number): void {
    this.#pass({ lane: 'state', atMs, vms, gaps, host, arrays })
  }

  get #isPaced(): boolean {
    return this.options.hypervisor.paced === 'by-hypervisor'
  }

  /**
   * The machine's array counters wait for no VM: when an array hangs, so do its VMs, and that is when its counters are wanted. What
   * VMs take longer for than half a beat comes in a report of its own.
   */
  async #fastPass(): Promise<void> {
    const { intervals, machine, now } = this.options
    const atMs = now()
    const isReading = this.#readingMoved !== undefined
    if (isReading) this.#skippedTicks += 1
    const moved = isReading || this.unreachable ? undefined : this.#readMoved()
    const exporting = this.#ofMachine(() => machine?.exports?.())
    const counters = (await this.#ofMachine(() => machine?.arrays(this.#arrays))) ?? []
    const sample = await moved?.within(intervals().fastMs / 2)
    const exports = await exporting
    if (sample !== undefined) {
      const arrays = sample.arrays ?? counters
      this.#pass({ lane: 'fast', atMs, vms: sample.vms, gaps: sample.gaps, arrays, exports })
    } else if (counters.length > 0 || exports !== undefined) {
      this.#pass({ lane: 'event', atMs, arrays: counters, exports })
    }
  }

  /** Reads the disks that moved. What is not waited for to the end is told of when it comes, apart from the machine's counters. */
  #readMoved(): { within(ms: number): Promise<Sample | undefined> } {
    const atMs = this.options.now()
    let sample: Sample | undefined
    let isLate = false
    const groups = new Set<SampleGroup>(['block'])
    const reading = this.#guard('fast', async () => {
      const found = await this.#within(passDeadlineMs, (signal) => this.#sample(groups, { onlyMoved: true }, signal))
      if (!isLate) sample = found
      else this.#pass({ lane: 'fast', atMs, vms: found.vms, gaps: found.gaps, ...arraysOf(found) })
    }).finally(() => {
      this.#readingMoved = undefined
    })
    this.#readingMoved = reading
    return {
      within: async (ms) => {
        const end = new AbortController()
        await Promise.race([reading, pause(ms, end.signal)])
        end.abort()
        isLate = sample === undefined
        return sample
      },
    }
  }

  /** What happened goes out at once; the samples after it may take as long as a stuck guest makes them. */
  #happened(events: readonly HypervisorEvent[]): void {
    this.#pass({ lane: 'event', atMs: this.options.now(), events })
    if (this.#stop.signal.aborted) return
    const leaving = new Set(events.flatMap((event) => (isLeaving(event) ? (event.vmUuid ?? []) : [])))
    if (leaving.size > 0 && !this.#isPaced) this.#lastReading.ask(leaving)
    if (events.some((event) => !changesNoDefinition.has(event.kind))) this.wantInventory()
    if (events.some((event) => event.kind === 'hypervisor-back'))
      this.#readingAgain = this.#guard('state', () => this.#statePass())
    else if (!this.#isPaced) this.#followUp.ask(new Set(events.flatMap((event) => event.vmUuid ?? [])))
  }

  async #eventPass(vmUuids: ReadonlySet<string> | undefined): Promise<void> {
    const options: SampleOptions = vmUuids === undefined ? {} : { vmUuids }
    const groups = new Set<SampleGroup>(['state', 'cpu', 'mem-size', 'block', 'nic'])
    const atMs = this.options.now()
    const sample = await this.#within(passDeadlineMs, (signal) => this.#sample(groups, options, signal))
    // A gap of one VM is the state lane's to tell: here it would look as if all the others had none.
    const gaps = sample.gaps.filter((gap) => gap.vmUuid === undefined)
    this.#pass({ lane: 'event', atMs, vms: sample.vms, gaps })
  }

  /** The disks of VMs that leave, and nothing else: their processes are gone in a moment. */
  async #readLast(vmUuids: ReadonlySet<string> | undefined): Promise<void> {
    const options: SampleOptions = { onlyMoved: true, isLast: true, ...(vmUuids === undefined ? {} : { vmUuids }) }
    const atMs = this.options.now()
    const groups = new Set<SampleGroup>(['block'])
    const { vms } = await this.#within(passDeadlineMs, (signal) => this.#sample(groups, options, signal))
    if (vms.length > 0) this.#pass({ lane: 'event', atMs, vms })
  }

  #pass(part: Pick<Pass, 'lane' | 'atMs'> & Partial<Pass>): void {
    this.options.onPass({ vms: [], gaps: [], host: undefined, arrays: [], events: [], collectors: [], ...part })
  }

  /** A sample; a connection that is down is a gap of the whole host. */
  async #sample(groups: ReadonlySet<SampleGroup>, options: SampleOptions, signal: AbortSignal): Promise<Sample> {
    const { hypervisor, log, now } = this.options
    try {
      const sample = await hypervisor.sample(groups, options, signal)
      if (this.unreachable) log.info('the hypervisor can be read again')
      this.#unreachableSince = undefined
      return sample
    } catch (error) {
      if (this.#stop.signal.aborted) throw error
      const message = error instanceof Error ? error.message : String(error)
      if (!this.unreachable) log.warn({ err: error }, 'the hypervisor cannot be read')
      this.#unreachableSince ??= this.#lastPassAt ?? now()
      const reason = error instanceof HypervisorUnavailable ? 'disconnected' : signal.aborted ? 'timeout' : 'failed'
      const gap: Gap = { group: 'state', reason, message, sinceMs: this.#unreachableSince }
      return { vms: [], gaps: [gap] }
    }
  }

  /** What the machine says. It has deadlines of its own; a fault in reading it never costs the VMs their sample. */
  async #ofMachine<Result>(work: () => Promise<Result> | undefined): Promise<Result | undefined> {
    try {
      return await work()
    } catch (error) {
      if (!this.#stop.signal.aborted) this.options.log.error({ err: error }, 'the machine could not be read')
      return undefined
    }
  }

  async #readInventory(): Promise<void> {
    const { hypervisor, machine } = this.options
    try {
      const [read, capabilities] = await this.#within(inventoryDeadlineMs, (signal) =>
        Promise.all([hypervisor.inventory(signal), hypervisor.probe(signal)]),
      )
      const host = machine === undefined ? read.host : await machine.complete(read.host)
      const own = (await this.#ofMachine(() => machine?.ownArrays?.())) ?? []
      const inventory = {
        ...read,
        host,
        arrays: own.length === 0 ? read.arrays : mergeArrays([...read.arrays, ...own]),
      }
      this.#arrays = inventory.arrays
      const ofMachine = (await machine?.capabilities()) ?? []
      const names = new Set(ofMachine.map((one) => one.name))
      this.options.onCapabilities([...capabilities.filter((one) => !names.has(one.name)), ...ofMachine])
      const revision = revisionOf(inventory)
      if (revision === this.#revision) return
      this.#revision = revision
      this.options.onInventory(inventory, revision)
    } catch (error) {
      // The state lane says that the hypervisor is away; it comes back with an event, which asks for the inventory again.
      if (!(error instanceof HypervisorUnavailable)) throw error
    }
  }
}

/** Of a driver that knows no arrays the machine tells, in another report. */
function arraysOf({ arrays }: Sample): Pick<Pass, 'arrays' | 'arraysApart'> {
  return arrays === undefined ? { arrays: [], arraysApart: true } : { arrays }
}

function hostProblem(gaps: readonly Gap[]): string {
  const messages = gaps
    .filter(({ vmUuid, reason }) => vmUuid === undefined && reason === 'disconnected')
    .map(({ message }) => message)
  return [...new Set(messages)].join('; ')
}

/** Hash of the content, whatever order the driver lists it in. */
function revisionOf({ host, vms, arrays }: Inventory): string {
  const content = {
    host,
    vms: vms.toSorted((a, b) => (a.uuid < b.uuid ? -1 : 1)),
    arrays: arrays.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
  }
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url')
}
