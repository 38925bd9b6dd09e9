import { newArrayModel, resumed, withPrior, type ArrayModel } from '../arrays/array-model.js'
import type { ArraySettings } from '../arrays/condition.js'
import type { ArrayPrior } from '../arrays/guess.js'
import { eventsAfter } from '../arrays/array-events.js'
import { contributionsOf } from '../arrays/contributions.js'
import { newCulprits, step as stepCulprits, type CulpritState } from '../arrays/culprits.js'
import { servedOf, type Served } from '../arrays/served.js'
import { steadied } from '../arrays/steady-suspects.js'
import { step } from '../arrays/step.js'
import { rank, type TraitsOf } from '../arrays/suspects.js'
import { boxesOf } from '../checks/storage.js'
import type { ArrayEvent } from '../model/array-event.js'
import { nobodySuspected, type Culprits } from '../model/culprits.js'
import type { ArrayRule, Policy } from '../model/policy.js'
import type { Snapshot, StorageArray } from '../model/snapshot.js'
import type { ArrayUser, WatchedArray } from '../model/watched-array.js'
import { policyIndex } from '../policy/policy-index.js'
import { labelsOf } from '../policy/resolve.js'
import { arrayTickOf } from './array-tick.js'
import { ExchangeBook, together, type Grown } from './exchange-book.js'
import type { KeptArray } from './kept-arrays.js'
import { userRatesAfter } from './user-rates.js'

/** Boxes that are modelled at once: those that are modelled already go before others, and those before by their ids. */
export const mostWatched = 1000

interface BoxWatch {
  model: ArrayModel
  /** It was seen to answer from its cache. */
  sawWriteBack: boolean
  steppedAt: number
  /** What was told since. */
  pending: Grown | undefined
  newestReadAt: number
  /** How long it usually takes until more is told. */
  beatMs: number
  users: readonly ArrayUser[]
  culpritState: CulpritState
  culprits: Culprits
  events: readonly ArrayEvent[]
  watched: WatchedArray | undefined
  /** Of what is kept of it. */
  lastUsedAt: number
}

/**
 * The models of all boxes that are watched, and the only one who steps them. It reads no clock: a fleet's history replays through it. A box
 * is watched if several hosts can reach it, its write cache is known of or was calibrated, or the policy names it: a host's own disks have no cache that
 * neighbours could fill for long.
 */
export class ArrayModels {
  readonly #book = new ExchangeBook()
  readonly #boxes = new Map<string, BoxWatch>()
  /** Of boxes that are not in sight: of hosts that have not come back yet. */
  readonly #kept: Map<string, KeptArray>
  #watched: ReadonlyMap<string, WatchedArray> = new Map()
  #notWatched = 0

  /** @param onBroken is told of a model that could not be stepped, and is begun anew */
  constructor(
    kept: readonly KeptArray[] = [],
    private readonly onBroken: (boxId: string, error: unknown) => void = () => undefined,
  ) {
    this.#kept = new Map(kept.map((one) => [one.model.boxId, one]))
  }

  /** By id of the box: the same object as long as nothing changes. */
  get watched(): ReadonlyMap<string, WatchedArray> {
    return this.#watched
  }

  /** Whether something was learnt of a box that is not in sight. */
  isKept(boxId: string): boolean {
    return this.#kept.has(boxId)
  }

  /** Boxes that there was no place for. */
  get notWatched(): number {
    return this.#notWatched
  }

  /** All that is worth keeping over a restart. */
  kept(): readonly KeptArray[] {
    return [...Array.from(this.#boxes.values(), keptOf), ...this.#kept.values()]
  }

  /** What was kept of boxes that were not seen since this moment is forgotten. */
  forgetBefore(at: number): void {
    for (const [boxId, { lastSeenAt }] of this.#kept) if (lastSeenAt < at) this.#kept.delete(boxId)
  }

  /**
   * Looks once more, a second after the look before or so.
   * @param fastMs the beat of counters that agents were told
   * @returns how many boxes were stepped
   */
  look(snapshot: Snapshot, policy: Policy, now: number, fastMs: number = usualBeatMs): number {
    const arraysOf = this.#boxesIn(snapshot, policy)
    const served = servedOf(snapshot, fastMs)
    const grown = this.#book.look(snapshot, arraysOf, served)
    let stepped = 0
    for (const [boxId, arrays] of arraysOf) {
      const rule = ruleOf(arrays, policy)
      const prior = calibratedOf(arrays) ?? priorOf(rule)
      const box = this.#boxes.get(boxId) ?? this.#begin(boxId, prior, { now, fastMs })
      box.model = withPrior(box.model, prior, now)
      tell(box, grown.get(boxId), now)
      if (!isDue(box, now)) continue
      stepped += 1
      try {
        const { bulkCopyBytesPerSecond } = rule ?? {}
        const traitsOf = traitsBy(snapshot, policy)
        stepBox(box, arrays, snapshot, { now, fastMs, served, bulkCopyBytesPerSecond, traitsOf })
      } catch (error) {
        this.onBroken(boxId, error)
        Object.assign(box, {
          model: newArrayModel(boxId, prior, now),
          culpritState: newCulprits(now),
          culprits: nobodySuspected,
          steppedAt: now,
          pending: undefined,
        })
      }
    }
    for (const [boxId, box] of this.#boxes) if (!arraysOf.has(boxId)) this.#lose(boxId, box)
    if (stepped > 0 || this.#watched.size !== this.#boxes.size) this.#watched = watchedOf(this.#boxes)
    return stepped
  }

  #boxesIn(snapshot: Snapshot, policy: Policy): ReadonlyMap<string, readonly StorageArray[]> {
    const boxOf = boxesOf(snapshot, policy)
    const { arrayRule } = policyIndex(policy)
    const arraysOf = new Map<string, StorageArray[]>()
    for (const array of snapshot.arrays.values()) {
      const box = boxOf(array.key)
      if (
        !box.shared &&
        arrayRule(array.key) === undefined &&
        array.writeCache === undefined &&
        array.calibration === undefined
      )
        continue
      const arrays = arraysOf.get(box.id)
      if (arrays === undefined) arraysOf.set(box.id, [array])
      else arrays.push(array)
    }
    this.#notWatched = Math.max(0, arraysOf.size - mostWatched)
    if (this.#notWatched === 0) return arraysOf
    // Whoever has a place keeps it, in whatever order hosts tell.
    const [watched, others] = [true, false].map((is) => [...arraysOf.keys()].filter((id) => this.#boxes.has(id) === is))
    const kept = [...(watched ?? []), ...(others ?? []).toSorted()].slice(0, mostWatched)
    return new Map(kept.map((id) => [id, arraysOf.get(id) ?? []]))
  }

  #begin(boxId: string, prior: ArrayPrior | undefined, { now, fastMs }: Pick<Step, 'now' | 'fastMs'>): BoxWatch {
    const kept = this.#kept.get(boxId)
    this.#kept.delete(boxId)
    const box: BoxWatch = {
      model: kept === undefined ? newArrayModel(boxId, prior, now) : resumed(kept.model, now),
      sawWriteBack: kept?.sawWriteBack ?? false,
      steppedAt: now,
      pending: undefined,
      newestReadAt: -Infinity,
      beatMs: Math.max(usualBeatMs, Math.min(longestBeatMs, fastMs)),
      users: [],
      culpritState: newCulprits(now),
      culprits: nobodySuspected,
      events: kept?.events ?? [],
      watched: undefined,
      lastUsedAt: now,
    }
    this.#boxes.set(boxId, box)
    return box
  }

  #lose(boxId: string, box: BoxWatch): void {
    this.#boxes.delete(boxId)
    this.#kept.set(boxId, keptOf(box))
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > mostWatched && oldest !== undefined) this.#kept.delete(oldest)
  }
}

function keptOf({ model, sawWriteBack, events, lastUsedAt }: BoxWatch): KeptArray {
  return { model, sawWriteBack, events, lastSeenAt: lastUsedAt }
}

const usualBeatMs = 1000
const longestBeatMs = 30_000
/** Beats that are waited for what is late; after that the step is made without. */
const patientBeats = 2.5
/** Of intervals of hosts. */
const longestSeconds = 10
/** An idle cache need not be stepped each second. */
const idleStepMs = 2000

function tell(box: BoxWatch, grown: Grown | undefined, now: number): void {
  box.lastUsedAt = now
  if (grown === undefined) return
  const isNews = grown.readAt !== undefined && grown.readAt > box.newestReadAt
  // What one host told late is part of it, though another told of a later moment; nothing from nobody is no news.
  if (!isNews && !Object.values(grown.total).some((value) => value !== 0)) return
  box.pending = box.pending === undefined ? grown : together(box.pending, grown)
  if (!isNews) return
  if (box.newestReadAt !== -Infinity) {
    const gapMs = Math.min(longestBeatMs, grown.readAt - box.newestReadAt)
    box.beatMs = Math.max(usualBeatMs, box.beatMs + 0.2 * (gapMs - box.beatMs))
  }
  box.newestReadAt = grown.readAt
}

function isDue({ pending, steppedAt, beatMs, watched }: BoxWatch, now: number): boolean {
  const sinceMs = now - steppedAt
  if (sinceMs <= 0) return false
  if (pending === undefined) return sinceMs >= patientBeats * beatMs
  const { writeBytes = 0, readBytes = 0 } = pending.total
  const isIdle = watched?.condition.state === 'idle' && writeBytes === 0 && readBytes === 0
  return !isIdle || sinceMs >= idleStepMs
}

interface Step extends ArraySettings {
  readonly now: number
  readonly fastMs: number
  readonly served: ReadonlyMap<string, readonly Served[]>
  readonly traitsOf: TraitsOf
}

function stepBox(
  box: BoxWatch,
  arrays: readonly StorageArray[],
  snapshot: Snapshot,
  { now, fastMs, served, traitsOf, ...settings }: Step,
): void {
  const { pending, steppedAt, beatMs } = box
  const seconds = (now - steppedAt) / 1000
  // Of many hosts with long beats one tells each second, and yet of a long time.
  const longest = Math.max(longestSeconds, (patientBeats * Math.max(beatMs, fastMs)) / 1000)
  const tick = arrayTickOf({ at: now, seconds, arrays, snapshot, served, grown: pending, longestSeconds: longest })
  const { model, condition } = step(box.model, tick, settings)
  if (tick.writeCache === 'write-back') box.sawWriteBack = true
  box.model = model
  box.steppedAt = now
  box.pending = undefined
  // Who wrote before it stood still.
  if (pending !== undefined && tick.late === undefined && model.evidence.stillSeconds === 0)
    box.users = userRatesAfter(box.users, pending, seconds)
  const contributions = contributionsOf(snapshot, arrays, served)
  box.culpritState = stepCulprits(box.culpritState, { at: now, state: condition.state, contributions })
  box.culprits = steadied(box.culprits, rank(box.culpritState, traitsOf))
  box.events = eventsAfter(box.events, box.watched?.condition, condition)
  box.watched = {
    condition,
    expectsWriteBack: box.sawWriteBack || model.belief.overflows > 0 || model.prior?.capacityBytes !== undefined,
    arrayKeys: arrays.map(({ key }) => key).toSorted(),
    users: box.users,
    culprits: box.culprits,
    events: box.events,
  }
}

/** What VMs of a herd may have in common. Asked for only where there is a herd. */
function traitsBy({ hosts, vms }: Snapshot, policy: Policy): TraitsOf {
  return ({ id, hostId }) => {
    const vm = vms.get(id)
    const said = vm === undefined ? undefined : labelsOf(policyIndex(policy), vm)
    return [
      `host ${hosts.get(hostId)?.name ?? hostId}`,
      ...(['group', 'service', 'owner'] as const).flatMap((what) => {
        const value = said?.[what]?.value
        return value === undefined ? [] : [`${what} ${value}`]
      }),
    ]
  }
}

function watchedOf(boxes: ReadonlyMap<string, BoxWatch>): ReadonlyMap<string, WatchedArray> {
  return new Map(
    [...boxes].flatMap(([boxId, { watched }]) => (watched === undefined ? [] : [[boxId, watched] as const])),
  )
}

function ruleOf(arrays: readonly StorageArray[], policy: Policy): ArrayRule | undefined {
  const { arrayRule } = policyIndex(policy)
  return arrays.map(({ key }) => arrayRule(key)?.rule).find((rule) => rule !== undefined)
}

/** What was measured is better than what was written down. */
function calibratedOf(arrays: readonly StorageArray[]): ArrayPrior | undefined {
  const [newest] = arrays.flatMap(({ calibration }) => calibration ?? []).toSorted((a, b) => b.at - a.at)
  if (newest === undefined) return undefined
  const { capacityBytes, drainBytesPerSecond, capacitySpread: capacity, drainSpread: drain } = newest
  return { capacityBytes, drainBytesPerSecond, basis: 'calibrated', spreads: { capacity, drain } }
}

function priorOf(rule: ArrayRule | undefined): ArrayPrior | undefined {
  if (rule === undefined || (rule.cacheBytes === undefined && rule.drainBytesPerSecond === undefined)) return undefined
  return { capacityBytes: rule.cacheBytes, drainBytesPerSecond: rule.drainBytesPerSecond, basis: 'policy' }
}
