import type { EventObservation, VmFacts, VmObservation } from '../model/observation.js'
import {
  isRunning,
  type Capability,
  type Disk,
  type Exchanged,
  type Gap,
  type Vm,
  type VmState,
} from '../model/snapshot.js'
import type { Point } from '../store/time-series.js'
import type { CapabilityChange, Metrics } from './absence.js'
import { completedFirsts } from './arrival.js'
import type { Contradictions } from './contradictions.js'
import { isArrival, Passage, type Arrival, type Departure } from './passage.js'
import { canHaveBegunWithin } from './rates.js'
import { disksOf, vmOf } from './vm-in-snapshot.js'
import { VmParts } from './vm-parts.js'

/** What this copy's host is, as far as the copy needs it. */
export interface CopyContext {
  readonly hostId: string
  readonly simulated: boolean
  readonly capabilities: readonly Capability[]
  readonly contradictions: Contradictions
  /** Name of its series: the UUID, or apart from it when two hosts run the same UUID. */
  readonly seriesId: string
}

/** Finds where a VM came from. */
export interface Departures {
  /** What the host says that it came from, as far as that is known by now. */
  before(uuid: string, hostId: string, arrival: Arrival): Departure | undefined
}

type DefinedDisk = VmFacts['disks'][number] & Pick<Disk, 'id' | 'vmUuid'>

const stateOfEvent: Readonly<Record<string, VmState>> = {
  started: 'running',
  resumed: 'running',
  suspended: 'paused',
  shutdown: 'shutting-down',
  stopped: 'shutoff',
  crashed: 'crashed',
}

/** Events about a VM that is not there any more, or not yet, mean nothing unless they say that it lives. */
export function tellsThatItLives(kind: string): boolean {
  return kind === 'started' || kind === 'resumed' || kind === 'suspended' || kind === 'defined'
}

/** One VM as one host tells of it. During a migration a VM has two copies. Owned by the fleet; nothing else writes it. */
export class VmCopy {
  facts: VmFacts | undefined
  /** Disks of its definition, with their ids in snapshots: the same texts as long as the definition stands, as they are looked up all the time. */
  disks: readonly DefinedDisk[] = []
  diskIds: readonly string[] = []
  name: string
  state: VmState = 'unknown'
  stateReason = 'unknown'
  stateSince: number
  runId = ''
  lastSampleAt: number | undefined
  gaps: readonly Gap[] = []
  /** Since when it has been seen to run, by our own clock; undefined: it does not. */
  runsSince: number | undefined
  /** It is not the VM whose UUID it has, but told apart from it. */
  isApart = false
  /** False: its host said that it came from elsewhere, and it cannot have. */
  isBelieved = true
  /** It ran when it was suspended to run elsewhere; of no meaning before that. */
  ranUntilItLeft = false
  readonly passage = new Passage()
  readonly #parts: VmParts
  #vcpus: number | undefined
  /** When the present run began, if an event told: its totals were 0 then. */
  #beganAt: number | undefined
  #hasRun = false
  /** Until then `stateSince` is no more than the moment when it was first heard of. */
  #isStateTold = false
  #definedAt = 0
  /** The last sample that is part of the VM's history. */
  #takenAt = -Infinity
  #guestMemoryAt: number | undefined

  constructor(
    readonly uuid: string,
    context: CopyContext,
    at: number,
  ) {
    this.name = uuid
    this.stateSince = at
    this.#parts = new VmParts(context.capabilities)
  }

  /** The same VM without a memory of its totals. */
  afresh(context: CopyContext): VmCopy {
    const copy = new VmCopy(this.uuid, context, this.stateSince)
    if (this.facts !== undefined) copy.define(this.facts, context, this.stateSince)
    copy.name = this.name
    copy.state = this.state
    copy.stateReason = this.stateReason
    copy.#hasRun = this.#hasRun
    copy.#isStateTold = this.#isStateTold
    copy.#definedAt = this.#definedAt
    copy.runsSince = this.runsSince
    copy.isApart = this.isApart
    copy.isBelieved = this.isBelieved
    copy.runId = this.runId
    copy.gaps = this.gaps
    copy.lastSampleAt = this.lastSampleAt
    return copy
  }

  /** Takes over a definition. Memory and vCPUs come from it until the first sample. */
  define(facts: VmFacts, context: CopyContext, at: number): void {
    this.facts = facts
    this.disks = facts.disks.map((disk) => ({ ...disk, id: `${this.uuid}/${disk.target}`, vmUuid: this.uuid }))
    this.diskIds = this.disks.map(({ id }) => id)
    this.#definedAt = at
    this.name = facts.name
    this.#vcpus ??= facts.vcpus
    const known = this.#parts.metrics['memoryMaxBytes']
    if (facts.memoryMaxBytes !== undefined && (known === undefined || 'absent' in known)) {
      this.#parts.define({ memoryMaxBytes: facts.memoryMaxBytes }, at, context)
    }
    // Host devices are numbered anew with each start.
    this.#parts.keepOnly(new Set(facts.disks.map((disk) => disk.target)), new Set(facts.nics.map((nic) => nic.device)))
  }

  /** Until when it was certainly there. */
  get lastListedAt(): number {
    return Math.max(this.lastHeardAt, this.#definedAt)
  }

  /** The last moment of which anything is known. */
  get lastHeardAt(): number {
    return Math.max(this.stateSince, this.lastSampleAt ?? 0)
  }

  /** It was seen running here. */
  get hasRun(): boolean {
    return this.#hasRun
  }

  /** Its state when a sample is applied: what an event told since that was taken is newer. */
  stateAfter({ state, at }: VmObservation): VmState {
    return state === undefined || !this.#isNews(at) ? this.state : state
  }

  /** Applies a sample that is not part of the VM's history: only what the copy itself is. */
  note(sample: VmObservation): void {
    if (sample.state !== undefined && this.#isNews(sample.at)) {
      this.#enter(sample.state, sample.stateReason, sample.at)
    }
    if (sample.vcpus !== undefined) this.#vcpus = sample.vcpus
    this.#heard(sample)
  }

  /** Applies a sample; returns what is worth storing. */
  observe(sample: VmObservation, context: CopyContext, departures: Departures): Point[] {
    // A pass that was overtaken by a later one, behind a guest that was slow to answer, says nothing new.
    if (sample.at < this.#takenAt) return []
    this.#seeRunning(sample)
    const points: Point[] = []
    // A pass that tells of it only now read it before it was idle: the disks have not moved since that reading.
    const stillIdleAt = sample.at < (this.#parts.idleAt ?? -Infinity) ? this.#parts.idleAt : undefined
    const idle = sample.disks.length > 0 && stillIdleAt === undefined ? this.#parts.takeEndOfIdle(this.uuid) : undefined
    if (idle !== undefined) points.push(...this.#take(idle, context, departures))
    points.push(...this.#take(this.passage.asOfItsEnd(sample), context, departures))
    if (stillIdleAt !== undefined) this.#parts.proveIdle(stillIdleAt, context)
    if (!this.#isAlive) this.#parts.silence('not running')
    this.#heard(sample)
    this.#takenAt = sample.at
    this.#tellWhatItLeft()
    return points
  }

  /**
   * Its disks were proven not to have moved up to `at`: rates are 0 now, and the mean of the next interval starts here.
   * @returns whether that changed anything but the time
   */
  proveIdle(at: number, context: CopyContext): boolean {
    return this.#parts.proveIdle(at, context)
  }

  /** Applies what an event says of the state. */
  happened(event: EventObservation): void {
    const isComing = isArrival(event.kind, event.reason)
    if (event.kind === 'started') this.#beganAt = event.at
    const state = isComing ? 'paused' : stateOfEvent[event.kind]
    if (state === undefined || !this.#isNews(event.at)) return
    const cameBefore = this.passage.cameAt
    if (this.passage.leftAt === undefined) this.ranUntilItLeft = isRunning(this.state)
    // What was seen to run already is not resumed by the event that tells of that.
    if (event.kind !== 'resumed' || !isRunning(this.state)) this.passage.happened(event)
    if (this.passage.cameAt !== undefined && this.passage.cameAt !== cameBefore) this.#came(event.at)
    this.#enter(state, isComing ? 'migration' : event.reason, event.at)
    if (!this.#isAlive) this.#parts.silence('not running')
    this.#tellWhatItLeft()
  }

  /** Its host can measure other things than before. */
  reconsider(change: CapabilityChange): void {
    this.#parts.reconsider(change)
  }

  /** Configured memory: what it may grow to. */
  get memoryMaxBytes(): number | undefined {
    const metric = this.#parts.metrics['memoryMaxBytes']
    return metric !== undefined && 'value' in metric ? metric.value : this.facts?.memoryMaxBytes
  }

  diskMetrics(target: string, context: CopyContext): Metrics {
    return this.#parts.diskMetrics(target, context)
  }

  diskExchanged(target: string): Exchanged | undefined {
    return this.#parts.diskExchanged(target)
  }

  toVm(revision: number, context: CopyContext): Vm {
    return vmOf(this, this.#parts, { vcpus: this.#vcpus, guestMemoryAt: this.#guestMemoryAt }, revision, context)
  }

  toDisks(revision: number, context: CopyContext): Disk[] {
    return disksOf(this, revision, context)
  }

  get #isAlive(): boolean {
    return this.state !== 'shutoff' && this.state !== 'crashed'
  }

  #came(at: number): void {
    this.#beganAt = at
    this.#parts.forgetBaselines()
  }

  #heard({ at, runId }: VmObservation): void {
    if (runId !== '') this.runId = runId
    this.lastSampleAt = Math.max(this.lastSampleAt ?? at, at)
  }

  /** It may be seen running before the event that tells of it, or without one. */
  #seeRunning({ state, at }: VmObservation): void {
    if (state === undefined || !isRunning(state)) return
    if (this.passage.isComing) {
      this.passage.come(at)
      this.#came(at)
    } else if (this.#isNews(at)) this.passage.stay()
  }

  /** Takes in one reading; returns what is worth storing. */
  #take(sample: VmObservation, context: CopyContext, departures: Departures): Point[] {
    const elapsedMs = sample.at - (this.lastSampleAt ?? sample.at)
    const beganSince = canHaveBegunWithin(elapsedMs, sample.totals['cpuSeconds'], sample.vcpus ?? this.#vcpus)
    const readings: Record<string, number> = {}
    // What an event told since the sample was taken is newer.
    if (sample.state !== undefined && this.#isNews(sample.at)) {
      this.#enter(sample.state, sample.stateReason, sample.at)
      readings['running'] = isRunning(sample.state) ? 1 : 0
    }
    if (sample.vcpus !== undefined) this.#vcpus = sample.vcpus
    if (sample.guestMemoryAt !== undefined) this.#guestMemoryAt = sample.guestMemoryAt
    const run = { beganAt: this.#beganAt, beganSince }
    const came = this.passage.cameAt !== undefined
    const firsts = completedFirsts(this.passage, sample, (arrival) =>
      departures.before(this.uuid, context.hostId, arrival),
    )
    const runId = sample.runId === '' ? this.runId : sample.runId
    return this.#parts.observe(sample, { runId, run, came, firsts, readings }, context)
  }

  #tellWhatItLeft(): void {
    const { leftAt } = this.passage
    if (leftAt !== undefined) this.passage.leave(this.#parts.left(leftAt))
  }

  /** Whether what is told of a moment can change the state: nothing that is newer has been told. */
  #isNews(at: number): boolean {
    return !this.#isStateTold || at >= this.stateSince
  }

  #enter(state: VmState, reason: string, at: number): void {
    this.#isStateTold = true
    if (isRunning(state)) this.#hasRun = true
    if (state === this.state && (reason === this.stateReason || reason === 'unknown')) return
    // Running and blocked alternate all the time; both are running to people.
    const same = state === this.state || (isRunning(state) && isRunning(this.state) && reason === this.stateReason)
    this.state = state
    this.stateReason = reason
    if (!same) this.stateSince = at
  }
}
