import type { NicObservation, Totals, VmObservation } from '../model/observation.js'
import type { Capability, Exchanged } from '../model/snapshot.js'
import type { Point } from '../store/time-series.js'
import { sumOfDisks } from './arrival.js'
import {
  merge,
  reconsider,
  silenced,
  unread,
  whyUnmeasurable,
  type CapabilityChange,
  type Metrics,
  type Readings,
} from './absence.js'
import { advance, leftOf, neverCounted, unknownBegin, type Counted, type Part, type Run } from './counted.js'
import { exchangedAfter } from './exchanged.js'
import type { Departure } from './passage.js'
import type { Interval } from './rates.js'
import { merged, partOf, pointOf, store } from './part-store.js'
import { idleReadings, ioReadings, networkReadings, sum, vmReadings } from './readings.js'
import type { CopyContext } from './vm-copy.js'

/** What belongs to one sample besides the sample. */
export interface Occasion {
  readonly runId: string
  readonly run: Run
  /** It came from another host: what was used here before it ran is the emulator's doing. */
  readonly came: boolean
  /** The first interval of its disks here is complete with this sample: where it began on the host before. */
  readonly firsts: ReadonlyMap<string, Interval>
  /** What else there is to store of the VM. */
  readonly readings: Readings
}

const nothingRead = {
  state: undefined,
  stateReason: 'unknown',
  vcpus: undefined,
  totals: {},
  levels: {},
  guestMemoryAt: undefined,
  nics: [],
} as const

/** All of one VM that has totals: the VM itself, its disks and its network interfaces, each with its baseline and its figures. */
export class VmParts {
  #metrics: Metrics
  /** Totals of the VM itself, by the rhythm in which they are read. */
  readonly #own: Readonly<Record<Rhythm, Counted>> = {
    cpu: { ...neverCounted },
    guest: { ...neverCounted },
    wait: { ...neverCounted },
  }
  readonly #disks = new Map<string, Part>()
  readonly #nics = new Map<string, Part>()
  /** Last moment when the disks were proven not to have moved since they were read. */
  #idleAt: number | undefined

  constructor(capabilities: readonly Capability[]) {
    this.#metrics = unread('vm', capabilities)
  }

  /** The VM's own figures; those of its disks and interfaces added up are among them. */
  get metrics(): Metrics {
    return this.#metrics
  }

  diskMetrics(target: string, context: CopyContext): Metrics {
    return this.#disks.get(target)?.metrics ?? unread('disk', context.capabilities)
  }

  /** Undefined of one that was not read yet. */
  diskExchanged(target: string): Exchanged | undefined {
    return this.#disks.get(target)?.exchanged
  }

  nicMetrics(device: string, context: CopyContext): Metrics {
    return this.#nics.get(device)?.metrics ?? unread('nic', context.capabilities)
  }

  get nicDevices(): Iterable<string> {
    return this.#nics.keys()
  }

  /** Those that the definition does not name any more take their figures with them. */
  keepOnly(targets: ReadonlySet<string>, devices: ReadonlySet<string>): void {
    for (const target of this.#disks.keys()) if (!targets.has(target)) this.#disks.delete(target)
    for (const device of this.#nics.keys()) if (!devices.has(device)) this.#nics.delete(device)
  }

  /** Takes over a figure of the definition. */
  define(readings: Readings, at: number, { capabilities }: CopyContext): void {
    this.#metrics = merge('vm', this.#metrics, readings, at, { capabilities, defaultSource: 'definition' }).metrics
  }

  /** Nothing that was counted before compares with what comes: it runs in another process from now on. */
  forgetBaselines(): void {
    for (const part of [...Object.values(this.#own), ...this.#disks.values(), ...this.#nics.values()]) {
      Object.assign(part, neverCounted)
    }
    for (const disk of this.#disks.values()) delete disk.exchanged
  }

  /** Takes in a sample; returns what is worth storing. */
  observe(sample: VmObservation, occasion: Occasion, context: CopyContext): Point[] {
    const { at } = sample
    const points: Point[] = []
    const readings: Record<string, number | null> = { ...occasion.readings }
    this.#observeOwn(sample, occasion, readings)
    for (const [field, value] of Object.entries(sample.levels)) if (value !== undefined) readings[field] = value
    Object.assign(readings, sumOfDisks(this.#observeDisks(sample, occasion, context, points)))
    const nics = sample.nics.flatMap((nic) => this.#observeNic(nic, at, occasion, context, points))
    const nicSum = sum(nics)
    if (nicSum !== undefined) Object.assign(readings, networkReadings(nicSum))
    points.push(...this.#storeOwn(context, readings, at))
    return points
  }

  /**
   * The disks were proven not to have moved up to `at`: rates are 0 now, and the mean of the next interval starts here.
   * @returns whether that changed anything but the time
   */
  proveIdle(at: number, context: CopyContext): boolean {
    let changed = false
    let totals: Totals = {}
    for (const part of this.#disks.values()) {
      if (part.read === undefined || part.read.at >= at) continue
      this.#idleAt = at
      totals = { ...totals, ...part.read.totals }
      if (isIdle('disk', part.metrics, part.read.totals, context)) continue
      part.metrics = merged('disk', part.metrics, idleReadings(part.read.totals), at, context).metrics
      changed = true
    }
    if (!isIdle('vm', this.#metrics, totals, context)) {
      this.#metrics = merged('vm', this.#metrics, idleReadings(totals), at, context).metrics
      changed = true
    }
    return changed
  }

  /** Last moment when the disks were proven not to have moved, unless that time has ended; undefined: it has. */
  get idleAt(): number | undefined {
    return this.#idleAt
  }

  /**
   * Where a time ends in which the disks were proven not to have moved, they were read once more, as it were. That reading is
   * to be taken in before what is read next, and is given once.
   */
  takeEndOfIdle(uuid: string): VmObservation | undefined {
    const at = this.#idleAt
    this.#idleAt = undefined
    if (at === undefined) return undefined
    const idle = [...this.#disks].flatMap(([target, { read }]) =>
      read === undefined || read.at >= at ? [] : [{ target, read }],
    )
    const [first] = idle
    if (first === undefined) return undefined
    const disks = idle.map(({ target, read }) => ({ target, totals: read.totals }))
    return { ...nothingRead, uuid, at, runId: first.read.runId, disks }
  }

  /** What was live is not known any more, for this reason. */
  silence(reason: string): void {
    this.#metrics = silenced(this.#metrics, reason)
    for (const part of [...this.#disks.values(), ...this.#nics.values()]) {
      part.metrics = silenced(part.metrics, reason)
    }
  }

  /** Its host can measure other things than before. */
  reconsider(change: CapabilityChange): void {
    this.#metrics = reconsider('vm', this.#metrics, change)
    for (const part of this.#disks.values()) part.metrics = reconsider('disk', part.metrics, change)
    for (const part of this.#nics.values()) part.metrics = reconsider('nic', part.metrics, change)
  }

  /** What its disks will have done since their last intervals by `at`, if they go on as before. */
  left(at: number): Departure['disks'] {
    const idleAt = this.#idleAt ?? -Infinity
    return new Map(
      [...this.#disks].flatMap(([target, part]) => {
        const left = leftOf(part, at, idleAt <= (part.read?.at ?? 0))
        return left === undefined ? [] : [[target, left] as const]
      }),
    )
  }

  #observeOwn({ at, totals }: VmObservation, { runId, run, came }: Occasion, readings: Record<string, number | null>) {
    for (const [rhythm, own] of byRhythm(totals)) {
      const part = this.#own[rhythm]
      const begin = came && part.baseline === undefined ? unknownBegin : run
      const of = advance(part, { at, runId, totals: own }, begin)
      if (of !== undefined) Object.assign(readings, vmReadings(of))
    }
  }

  #observeDisks(
    { at, disks }: VmObservation,
    { runId, run, firsts }: Occasion,
    context: CopyContext,
    points: Point[],
  ): Interval[] {
    return disks.flatMap(({ target, totals }) => {
      const part = partOf(this.#disks, target, 'disk', context)
      const counted = advance(part, { at, runId, totals }, run)
      const of = firsts.get(target) ?? counted
      if (of !== undefined) part.exchanged = exchangedAfter(part.exchanged, of)
      const fields: Record<string, number | null> = of === undefined ? {} : { ...ioReadings(of) }
      addTotals(fields, totals)
      points.push(...store(part, 'disk', `${context.seriesId}/${target}`, fields, at, context))
      return of ?? []
    })
  }

  #observeNic(
    { device, totals }: NicObservation,
    at: number,
    { runId, run }: Occasion,
    context: CopyContext,
    points: Point[],
  ): Interval[] {
    const part = partOf(this.#nics, device, 'nic', context)
    const of = advance(part, { at, runId, totals }, run)
    if (of === undefined) return []
    points.push(...store(part, 'nic', `${context.seriesId}/${device}`, networkReadings(of), at, context))
    return [of]
  }

  #storeOwn(context: CopyContext, readings: Readings, at: number): Point[] {
    const { metrics, stored } = merged('vm', this.#metrics, readings, at, context)
    this.#metrics = metrics
    return pointOf('vm', context.seriesId, at, stored)
  }
}

type Rhythm = 'cpu' | 'guest' | 'wait'

function byRhythm(totals: Totals): Map<Rhythm, Totals> {
  const parts: Record<Rhythm, Record<string, number | undefined>> = { cpu: {}, guest: {}, wait: {} }
  for (const [name, total] of Object.entries(totals)) {
    parts[name.startsWith('memory') ? 'guest' : name.startsWith('vcpuWait') ? 'wait' : 'cpu'][name] = total
  }
  return new Map([
    ['cpu', parts.cpu],
    ['guest', parts.guest],
    ['wait', parts.wait],
  ])
}

function addTotals(fields: Record<string, number | null>, totals: Totals): void {
  if (totals['readBytes'] !== undefined) fields['readBytesTotal'] = totals['readBytes']
  if (totals['writeBytes'] !== undefined) fields['writeBytesTotal'] = totals['writeBytes']
}

/** Whether every rate that these totals give is known to be 0. Unmeasurable ones stay absent and do not count. */
function isIdle(kind: 'vm' | 'disk', metrics: Metrics, totals: Totals, { capabilities }: CopyContext): boolean {
  return Object.entries(idleReadings(totals)).every(([field, value]) => {
    const metric = metrics[field]
    if (value === null || metric === undefined) return true
    return 'absent' in metric ? whyUnmeasurable(kind, field, capabilities) !== undefined : metric.value === 0
  })
}
