import type { NicObservation, Totals, VmFacts, VmObservation, EventObservation } from '../model/observation.js'
import { isRunning, type Capability, type Disk, type Gap, type Nic, type Vm, type VmState } from '../model/snapshot.js'
import type { EntityKey, Point } from '../store/time-series.js'
import { forget, merge, unread, type Metrics, type Readings } from './absence.js'
import { advance, expectedOf, goingOn, leftBy, unknownBegin, type Left, type Part, type Run } from './counted.js'
import { isArrival, Passage, type LastWord } from './passage.js'
import { canHaveBegunWithin, shortestIntervalMs, type Interval } from './rates.js'
import { idleReadings, ioReadings, networkReadings, sum, vmReadings } from './readings.js'

/** What this copy's host is, as far as the copy needs it. */
export interface CopyContext {
  readonly hostId: string
  readonly simulated: boolean
  readonly capabilities: readonly Capability[]
  /** Name of its series: the UUID, or apart from it when two hosts run the same UUID. */
  readonly seriesId: string
}

const stateOfEvent: Readonly<Record<string, VmState>> = {
  started: 'running',
  resumed: 'running',
  suspended: 'paused',
  shutdown: 'shutting-down',
  stopped: 'shutoff',
  crashed: 'crashed',
}

/** Fields that mean nothing while the VM does not run. */
const liveFields = [
  'cpuCores',
  'vcpuWaitFraction',
  'memoryRssBytes',
  'memoryGuestUsedBytes',
  'memoryGuestAvailableBytes',
  'memoryActiveBytes',
  'memoryBalloonedBytes',
  'memorySwappedBytes',
  'memorySwapInBytesPerSecond',
  'memorySwapOutBytesPerSecond',
  ...['read', 'write', 'flush'].flatMap((way) => [
    `${way}BytesPerSecond`,
    `${way}RequestsPerSecond`,
    `${way}LatencyMs`,
  ]),
  'receiveBytesPerSecond',
  'transmitBytesPerSecond',
  'receiveErrorsPerSecond',
  'transmitErrorsPerSecond',
]

/** One VM as one host tells of it. During a migration a VM has two copies. Owned by the fleet; nothing else writes it. */
export class VmCopy {
  facts: VmFacts | undefined
  name: string
  state: VmState = 'unknown'
  stateReason = 'unknown'
  stateSince: number
  runId = ''
  lastSampleAt: number | undefined
  gaps: readonly Gap[] = []
  readonly passage = new Passage()
  #vcpus: number | undefined
  #cpu: Part
  /** Totals that the guest tells, read at another rhythm than CPU time. */
  #guest: Part
  /** When the present run began, if an event told: its totals were 0 then. */
  #beganAt: number | undefined
  readonly #disks = new Map<string, Part>()
  readonly #nics = new Map<string, Part>()
  #guestMemoryAt: number | undefined

  constructor(
    readonly uuid: string,
    context: CopyContext,
    at: number,
  ) {
    this.name = uuid
    this.stateSince = at
    this.#cpu = { baseline: undefined, metrics: unread('vm', context.capabilities), idleAt: undefined }
    this.#guest = { baseline: undefined, metrics: {}, idleAt: undefined }
  }

  /** The same VM without a memory of its totals. */
  afresh(context: CopyContext): VmCopy {
    const copy = new VmCopy(this.uuid, context, this.stateSince)
    if (this.facts !== undefined) copy.define(this.facts, context, this.stateSince)
    copy.name = this.name
    copy.state = this.state
    copy.stateReason = this.stateReason
    copy.runId = this.runId
    copy.gaps = this.gaps
    copy.lastSampleAt = this.lastSampleAt
    return copy
  }

  /** Takes over a definition. Memory and vCPUs come from it until the first sample. */
  define(facts: VmFacts, context: CopyContext, at: number): void {
    this.facts = facts
    this.name = facts.name
    this.#vcpus ??= facts.vcpus
    const known = this.#cpu.metrics['memoryMaxBytes']
    if (known === undefined || 'absent' in known) {
      const readings = { memoryMaxBytes: facts.memoryMaxBytes }
      this.#cpu.metrics = this.#merge('vm', this.#cpu.metrics, readings, at, context, 'definition').metrics
    }
    keepOnly(this.#disks, new Set(facts.disks.map((disk) => disk.target)))
    // Host devices are numbered anew with each start.
    keepOnly(this.#nics, new Set(facts.nics.map((nic) => nic.device)))
  }

  /** The last moment of which anything is known. */
  get lastHeardAt(): number {
    return Math.max(this.stateSince, this.lastSampleAt ?? 0)
  }

  /** Applies a sample that is not part of the VM's history: only what the copy itself is. */
  note(sample: VmObservation): void {
    if (sample.state !== undefined && sample.at >= this.stateSince) {
      this.#enter(sample.state, sample.stateReason, sample.at)
    }
    if (sample.vcpus !== undefined) this.#vcpus = sample.vcpus
    this.#heard(sample.at, sample.runId)
  }

  /**
   * Applies a sample; returns what is worth storing.
   * @param word what the host that it came from said of it
   */
  observe(sample: VmObservation, context: CopyContext, word?: LastWord): Point[] {
    // A pass that was overtaken by a later one, behind a guest that was slow to answer, says nothing new.
    if (this.lastSampleAt !== undefined && sample.at < this.lastSampleAt) return []
    const points: Point[] = []
    const readings: Record<string, number | null> = {}
    const elapsedMs = sample.at - (this.lastSampleAt ?? sample.at)
    const beganSince = canHaveBegunWithin(elapsedMs, sample.totals['cpuSeconds'], sample.vcpus ?? this.#vcpus)
    // Seen running before the event that tells of it.
    if (sample.state !== undefined && isRunning(sample.state) && this.passage.isComing) this.#came(sample.at)
    const { arrives } = this.passage
    const run: Run = { beganAt: this.#beganAt, beganSince, arrives }
    // What an event told since the sample was taken is newer.
    if (sample.state !== undefined && sample.at >= this.stateSince) {
      this.#enter(sample.state, sample.stateReason, sample.at)
      readings['running'] = isRunning(sample.state) ? 1 : 0
    }
    if (sample.vcpus !== undefined) this.#vcpus = sample.vcpus
    if (sample.guestMemoryAt !== undefined) this.#guestMemoryAt = sample.guestMemoryAt

    const runId = sample.runId === '' ? this.runId : sample.runId
    const { cpuTotals, guestTotals } = split(sample.totals)
    for (const [part, totals] of [
      [this.#cpu, cpuTotals],
      [this.#guest, guestTotals],
    ] as const) {
      // What was used before it ran here is the emulator's doing: from now on it counts.
      if (arrives) part.baseline = undefined
      const of = advance(part, { at: sample.at, runId, totals }, arrives ? unknownBegin : run)
      if (of !== undefined) Object.assign(readings, vmReadings(of))
    }
    for (const [field, value] of Object.entries(sample.levels)) if (value !== undefined) readings[field] = value

    const disks: Interval[] = []
    for (const disk of sample.disks) {
      const part = this.#part(this.#disks, disk.target, 'disk', context)
      points.push(...this.#endOfIdle(part, disk.target, context))
      const baseline = { at: sample.at, runId, totals: disk.totals }
      const of = advance(
        part,
        baseline,
        arrives ? goingOn(run, sample.at, this.#leftFor(disk.target, sample.at, word)) : run,
      )
      if (of !== undefined) disks.push(of)
      const fields: Record<string, number | null> = of === undefined ? {} : { ...ioReadings(of) }
      addTotals(fields, disk.totals)
      points.push(...this.#store(part, 'disk', `${context.seriesId}/${disk.target}`, fields, sample.at, context))
    }
    const diskSum = sum(disks)
    if (diskSum !== undefined) Object.assign(readings, withoutKey(ioReadings(diskSum), 'outOfSlotsPerSecond'))

    const nics = sample.nics.flatMap((nic) => this.#observeNic(nic, sample.at, runId, run, context, points))
    const nicSum = sum(nics)
    if (nicSum !== undefined) Object.assign(readings, networkReadings(nicSum))

    this.#heard(sample.at, runId)
    if (arrives && disks.length + nics.length > 0) this.passage.settle()
    if (sample.disks.length > 0) this.passage.read(sample.at, () => this.#left(sample))
    if (this.state === 'shutoff' || this.state === 'crashed') this.#silenceLive('not running')
    points.push(...this.#store(this.#cpu, 'vm', context.seriesId, readings, sample.at, context))
    return points
  }

  /**
   * Its disks were proven not to have moved up to `at`: rates are 0 now, and the mean of the next interval starts here.
   * @returns whether that changed anything but the time
   */
  proveIdle(at: number, context: CopyContext): boolean {
    let changed = false
    let totals: Totals = {}
    for (const part of this.#disks.values()) {
      if (part.baseline === undefined || part.baseline.at >= at) continue
      part.idleAt = at
      totals = { ...totals, ...part.baseline.totals }
      if (isIdle(part.metrics, part.baseline.totals)) continue
      part.metrics = this.#idle('disk', part, part.baseline.totals, at, context)
      changed = true
    }
    if (!isIdle(this.#cpu.metrics, totals)) {
      this.#cpu.metrics = this.#idle('vm', this.#cpu, totals, at, context)
      changed = true
    }
    return changed
  }

  /** Applies what an event says of the state. */
  happened(event: EventObservation): void {
    const isComing = isArrival(event.kind, event.reason)
    if (event.kind === 'started') this.#beganAt = event.at
    const state = isComing ? 'paused' : stateOfEvent[event.kind]
    if (state === undefined || event.at < this.stateSince) return
    this.passage.happened(event, (at) => this.#expected(at))
    if (this.passage.cameAt !== undefined) this.#beganAt = event.at
    this.#enter(state, isComing ? 'migration' : event.reason, event.at)
    if (state === 'shutoff' || state === 'crashed') this.#silenceLive('not running')
  }

  /** Configured memory: what it may grow to. */
  get memoryMaxBytes(): number | undefined {
    const metric = this.#cpu.metrics['memoryMaxBytes']
    return metric !== undefined && 'value' in metric ? metric.value : this.facts?.memoryMaxBytes
  }

  diskMetrics(target: string, context: CopyContext): Metrics {
    return this.#disks.get(target)?.metrics ?? unread('disk', context.capabilities)
  }

  toVm(revision: number, context: CopyContext): Vm {
    const facts = this.facts
    return {
      uuid: this.uuid,
      revision,
      name: this.name,
      hostId: context.hostId,
      simulated: context.simulated,
      state: this.state,
      stateReason: this.stateReason,
      stateSince: this.stateSince,
      runId: this.runId,
      vcpus: this.#vcpus,
      owner: facts?.owner ?? '',
      group: facts?.group ?? '',
      service: facts?.service ?? '',
      title: facts?.title ?? '',
      autostart: facts?.autostart,
      osType: facts?.osType ?? '',
      diskIds: (facts?.disks ?? []).map((disk) => `${this.uuid}/${disk.target}`),
      nics: this.#nicList(context),
      metrics: guestTimes(this.#cpu.metrics, this.#guestMemoryAt),
      gaps: this.gaps,
      lastSampleAt: this.lastSampleAt,
    }
  }

  toDisks(revision: number, context: CopyContext): Disk[] {
    return (this.facts?.disks ?? []).map((disk) => ({
      ...disk,
      id: `${this.uuid}/${disk.target}`,
      revision,
      vmUuid: this.uuid,
      metrics: this.diskMetrics(disk.target, context),
    }))
  }

  #came(at: number): void {
    this.passage.come(at)
    this.#beganAt = at
  }

  #heard(at: number, runId: string): void {
    if (runId !== '') this.runId = runId
    this.lastSampleAt = at
  }

  /** What another host left of a disk. What is only expected waits a little for what is read. */
  #leftFor(target: string, at: number, word: LastWord | undefined): Left | undefined {
    const isEarly = word?.isRead === false && at - (this.passage.cameAt ?? at) < shortestIntervalMs
    return isEarly ? undefined : word?.disks.get(target)
  }

  #left({ at, disks }: VmObservation): LastWord['disks'] {
    return new Map(
      disks.flatMap(({ target, totals }) => {
        const part = this.#disks.get(target)
        return part === undefined ? [] : [[target, leftBy(part, at, totals)] as const]
      }),
    )
  }

  #expected(at: number): LastWord['disks'] {
    return new Map(
      [...this.#disks].flatMap(([target, part]) => {
        const left = expectedOf(part, at)
        return left === undefined ? [] : [[target, left] as const]
      }),
    )
  }

  #enter(state: VmState, reason: string, at: number): void {
    if (state === this.state && (reason === this.stateReason || reason === 'unknown')) return
    // Running and blocked alternate all the time; both are running to people.
    const same = state === this.state || (isRunning(state) && isRunning(this.state) && reason === this.stateReason)
    this.state = state
    this.stateReason = reason
    if (!same) this.stateSince = at
  }

  #observeNic(
    nic: NicObservation,
    at: number,
    runId: string,
    run: Run,
    context: CopyContext,
    points: Point[],
  ): Interval[] {
    const part = this.#part(this.#nics, nic.device, 'nic', context)
    const of = advance(part, { at, runId, totals: nic.totals }, run)
    if (of === undefined) return []
    points.push(...this.#store(part, 'nic', `${context.seriesId}/${nic.device}`, networkReadings(of), at, context))
    return [of]
  }

  /** The stretch of proven idleness ends: its zeros are stored once, at its last moment. */
  #endOfIdle(part: Part, target: string, context: CopyContext): Point[] {
    const { idleAt, baseline } = part
    if (idleAt === undefined || baseline === undefined || idleAt <= baseline.at) return []
    part.baseline = { ...baseline, at: idleAt }
    part.idleAt = undefined
    const readings = idleReadings(baseline.totals)
    return [
      ...this.#store(part, 'disk', `${context.seriesId}/${target}`, readings, idleAt, context),
      ...this.#store(this.#cpu, 'vm', context.seriesId, readings, idleAt, context),
    ]
  }

  #store(
    part: Part,
    kind: EntityKey['kind'],
    id: string,
    readings: Readings,
    at: number,
    context: CopyContext,
  ): Point[] {
    const { metrics, stored } = this.#merge(kind, part.metrics, readings, at, context, 'hypervisor')
    part.metrics = metrics
    return Object.keys(stored).length === 0 ? [] : [{ entity: { kind, id }, atMs: at, fields: stored }]
  }

  #merge(
    kind: EntityKey['kind'],
    old: Metrics,
    readings: Readings,
    at: number,
    context: CopyContext,
    defaultSource: 'hypervisor' | 'definition',
  ): ReturnType<typeof merge> {
    return merge(kind, old, readings, at, { capabilities: context.capabilities, defaultSource })
  }

  #idle(kind: 'disk' | 'vm', part: Part, totals: Totals, at: number, context: CopyContext): Metrics {
    return this.#merge(kind, part.metrics, idleReadings(totals), at, context, 'hypervisor').metrics
  }

  #part(parts: Map<string, Part>, name: string, kind: 'disk' | 'nic', context: CopyContext): Part {
    const known = parts.get(name)
    if (known !== undefined) return known
    const part: Part = { baseline: undefined, metrics: unread(kind, context.capabilities), idleAt: undefined }
    parts.set(name, part)
    return part
  }

  #silenceLive(reason: string): void {
    this.#cpu.metrics = forget(this.#cpu.metrics, liveFields, reason)
    for (const part of this.#disks.values()) part.metrics = forget(part.metrics, liveFields, reason)
    for (const part of this.#nics.values()) part.metrics = forget(part.metrics, liveFields, reason)
  }

  #nicList(context: CopyContext): Nic[] {
    const facts = new Map((this.facts?.nics ?? []).map((nic) => [nic.device, nic]))
    const devices = new Set([...facts.keys(), ...this.#nics.keys()])
    return [...devices].map((device) => ({
      device,
      mac: facts.get(device)?.mac ?? '',
      network: facts.get(device)?.network ?? '',
      model: facts.get(device)?.model ?? '',
      metrics: this.#nics.get(device)?.metrics ?? unread('nic', context.capabilities),
    }))
  }
}

function split(totals: Totals): { cpuTotals: Totals; guestTotals: Totals } {
  const entries = Object.entries(totals)
  return {
    cpuTotals: Object.fromEntries(entries.filter(([name]) => !name.startsWith('memory'))),
    guestTotals: Object.fromEntries(entries.filter(([name]) => name.startsWith('memory'))),
  }
}

function addTotals(fields: Record<string, number | null>, totals: Totals): void {
  if (totals['readBytes'] !== undefined) fields['readBytesTotal'] = totals['readBytes']
  if (totals['writeBytes'] !== undefined) fields['writeBytesTotal'] = totals['writeBytes']
}

/** Whether every rate that these totals give is known to be 0. Unmeasurable ones stay absent and do not count. */
function isIdle(metrics: Metrics, totals: Totals): boolean {
  return Object.entries(idleReadings(totals)).every(([field, value]) => {
    const metric = metrics[field]
    if (value === null || metric === undefined) return true
    return 'absent' in metric ? metric.absent !== 'not read yet' : metric.value === 0
  })
}

function withoutKey(readings: Readings, key: string): Readings {
  const { [key]: _dropped, ...rest } = readings
  return rest
}

function keepOnly(parts: Map<string, Part>, targets: ReadonlySet<string>): void {
  for (const target of parts.keys()) if (!targets.has(target)) parts.delete(target)
}

/** The guest's own figures are as old as the guest says, not as our reading. */
function guestTimes(metrics: Metrics, guestAt: number | undefined): Metrics {
  if (guestAt === undefined) return metrics
  const timed = { ...metrics }
  for (const field of ['memoryGuestUsedBytes', 'memoryGuestAvailableBytes']) {
    const metric = metrics[field]
    if (metric !== undefined && 'value' in metric) timed[field] = { ...metric, at: guestAt }
  }
  return timed
}
