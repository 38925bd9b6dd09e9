import {
  isRunning,
  valueOf,
  type Disk,
  type Host,
  type Metric,
  type MetricSource,
  type Snapshot,
  type StorageArray,
  type Vm,
} from '../../model/snapshot.js'
import type { Place, PlacedVm } from '../policy/place.js'
import type { Box } from '../storage.js'

/** What goes on at one storage box: all that checks of storage load work on, made once. */
export interface BoxLoad {
  readonly box: Box
  /** More than one where the policy joins them. */
  readonly arrays: readonly StorageArray[]
  /** Running VMs with disks there that could be read. Made when it is asked for: most boxes are well, and nobody asks. */
  readonly users: readonly BoxUser[]
  readonly userCount: number
  /** How long requests of the user take that waits longest there; 0 if nobody waits. */
  readonly slowestMs: number
  /** `workOf` all that goes on there. */
  readonly work: number
}

/** What one VM does at a box, and how long it waits there. */
export interface BoxUser {
  readonly one: PlacedVm
  /** Of its disks there the one that does most. */
  readonly disk: Disk
  /** Added up over its disks there; undefined where none is known. */
  readonly bytesPerSecond: number | undefined
  readonly requestsPerSecond: number | undefined
  readonly work: number
  /** 0 to 1, of the work of the box. */
  readonly share: number
  /** Of the disk that waits longest. */
  readonly wait: Wait | undefined
}

/** The slower of reading and writing. */
export interface Wait {
  /** Undefined of an array. */
  readonly disk: Disk | undefined
  readonly field: 'readLatencyMs' | 'writeLatencyMs'
  readonly latencyMs: number
  /** The same without the time that requests wait for others of the same: what it would be, one at a time. */
  readonly serviceMs: number
  readonly source: MetricSource
}

type Metrics = Readonly<Record<string, Metric>>

/** Adds up what goes on at each box, VM by VM. */
export class BoxDrafts {
  readonly #drafts = new Map<string, Draft>()

  constructor(
    private readonly snapshot: Pick<Snapshot, 'vms' | 'hosts' | 'disks' | 'arrays'>,
    boxOf: (arrayKey: string) => Box,
  ) {
    for (const array of snapshot.arrays.values()) this.#draftOf(boxOf(array.key)).arrays.push(array)
  }

  /** A VM that is seen. */
  add(place: Place): void {
    for (const { id, box } of place.disks) {
      const disk = this.snapshot.disks.get(id)
      if (disk !== undefined) this.#draftOf(box).add(place, disk)
    }
  }

  /** By id of the box. @param byBox VMs with disks there, those that are seen among them */
  loads(byBox: ReadonlyMap<string, readonly Place[]>): ReadonlyMap<string, BoxLoad> {
    for (const [id, draft] of this.#drafts) draft.places = byBox.get(id) ?? []
    return this.#drafts
  }

  #draftOf(box: Box): Draft {
    const before = this.#drafts.get(box.id)
    if (before !== undefined) return before
    const draft = new Draft(box, this.snapshot)
    this.#drafts.set(box.id, draft)
    return draft
  }
}

/** Its figures are of now. */
export function isSeen(vm: Vm, host: Host | undefined): boolean {
  return host?.status === 'up' && isRunning(vm.state) && vm.gaps.length === 0
}

/** Requests wait there, and none was completed: it stands still. One alone may be between two readings. */
export function isStalled({ metrics }: StorageArray): boolean {
  return requestsOf(metrics) === 0 && (valueOf(metrics['inFlight']) ?? 0) >= 2
}

/** A host's own disk with personal VMs alone: each that boots makes it slow for the others, and nobody has to act on that. */
export function isAmongPersonal({ box, users }: BoxLoad): boolean {
  return !box.shared && users.every(({ one }) => one.place.class === 'personal')
}

/**
 * The slower of reading and writing, of those for which requests wait at least a tenth of the time (by Little's law: requests a second
 * times the time of each). The mean of a few is chance.
 */
export function waitOf(metrics: Metrics, disk?: Disk): Wait | undefined {
  const read = waitFor('readLatencyMs', metrics['readLatencyMs'], metrics['readRequestsPerSecond'], disk)
  const write = waitFor('writeLatencyMs', metrics['writeLatencyMs'], metrics['writeRequestsPerSecond'], disk)
  return read === undefined || (write !== undefined && write.latencyMs > read.latencyMs) ? write : read
}

function waitFor(
  field: Wait['field'],
  latency: Metric | undefined,
  rate: Metric | undefined,
  disk: Disk | undefined,
): Wait | undefined {
  const requests = valueOf(rate)
  if (latency === undefined || 'absent' in latency || requests === undefined) return undefined
  const { value: latencyMs, source } = latency
  const inFlight = (requests * latencyMs) / 1000
  if (inFlight < leastInFlight) return undefined
  return { disk, field, latencyMs, serviceMs: latencyMs / Math.max(1, inFlight), source }
}

const leastInFlight = 0.1

/** `latencyMs` of `waitOf`, or 0. */
function slowestMsOf(metrics: Metrics): number {
  return Math.max(
    countedMs(metrics['readLatencyMs'], metrics['readRequestsPerSecond']),
    countedMs(metrics['writeLatencyMs'], metrics['writeRequestsPerSecond']),
  )
}

function countedMs(latency: Metric | undefined, rate: Metric | undefined): number {
  const latencyMs = valueOf(latency)
  const requests = valueOf(rate)
  if (latencyMs === undefined || requests === undefined) return 0
  return (requests * latencyMs) / 1000 < leastInFlight ? 0 : latencyMs
}

/** Somebody who keeps many requests in flight waits for himself: then it counts how long one takes. */
export function othersWaitMs({ latencyMs, serviceMs }: Wait, isAlone: boolean): number {
  return isAlone ? serviceMs : latencyMs
}

/** What is waited for, in a sentence. */
export function waitWord({ field }: Wait): string {
  return field === 'readLatencyMs' ? 'reads' : 'writes'
}

/** What requests cost beside their bytes: disks transfer about this much in the time that they take to get to another place. */
const requestBytes = 64 * 1024

/** One figure for much and for many, so that neither a copy in large pieces nor a check in small ones hides behind the other. */
export function workOf(bytesPerSecond: number | undefined, requestsPerSecond: number | undefined): number {
  return (bytesPerSecond ?? 0) + (requestsPerSecond ?? 0) * requestBytes
}

class Draft implements BoxLoad {
  readonly arrays: StorageArray[] = []
  userCount = 0
  slowestMs = 0
  places: readonly Place[] = []
  /** What its users say that they do. */
  #told = 0
  #last: Place | undefined
  #users: readonly BoxUser[] | undefined

  constructor(
    readonly box: Box,
    private readonly snapshot: Pick<Snapshot, 'vms' | 'hosts' | 'disks'>,
  ) {}

  /** Disks of a VM come one after the other. */
  add(place: Place, { metrics }: Disk): void {
    if (this.#last !== place) this.userCount += 1
    this.#last = place
    this.#told += workOf(bytesOf(metrics), requestsOf(metrics))
    this.slowestMs = Math.max(this.slowestMs, slowestMsOf(metrics))
  }

  get work(): number {
    const counted = this.arrays.reduce((total, { metrics }) => total + workOf(bytesOf(metrics), requestsOf(metrics)), 0)
    // What hosts count has more in it than VMs, and may be of another second.
    return Math.max(this.#told, counted)
  }

  get users(): readonly BoxUser[] {
    this.#users ??= usersOf(this.#used(), this.work)
    return this.#users
  }

  *#used(): Iterable<Used> {
    const { vms, hosts, disks } = this.snapshot
    for (const place of this.places) {
      const vm = vms.get(place.uuid)
      const host = hosts.get(place.hostId)
      if (vm === undefined || !isSeen(vm, host)) continue
      const one: PlacedVm = { place, vm, host }
      for (const { id, box } of place.disks) {
        const disk = box.id === this.box.id ? disks.get(id) : undefined
        if (disk !== undefined) yield { one, disk }
      }
    }
  }
}

interface Used {
  readonly one: PlacedVm
  readonly disk: Disk
}

type UserDraft = { -readonly [Key in keyof BoxUser]: BoxUser[Key] } & { diskWork: number }

function usersOf(used: Iterable<Used>, boxWork: number): BoxUser[] {
  const users: UserDraft[] = []
  for (const { one, disk } of used) {
    const last = users.at(-1)
    if (last?.one === one) addDisk(last, disk)
    else users.push(userOf(one, disk))
  }
  for (const user of users) user.share = boxWork > 0 ? user.work / boxWork : 0
  return users
}

function userOf(one: PlacedVm, disk: Disk): UserDraft {
  const bytesPerSecond = bytesOf(disk.metrics)
  const requestsPerSecond = requestsOf(disk.metrics)
  const work = workOf(bytesPerSecond, requestsPerSecond)
  const wait = waitOf(disk.metrics, disk)
  return { one, disk, bytesPerSecond, requestsPerSecond, work, diskWork: work, share: 0, wait }
}

function addDisk(user: UserDraft, disk: Disk): void {
  const more = userOf(user.one, disk)
  user.bytesPerSecond = plus(user.bytesPerSecond, more.bytesPerSecond)
  user.requestsPerSecond = plus(user.requestsPerSecond, more.requestsPerSecond)
  user.work += more.work
  if (more.diskWork > user.diskWork) {
    user.disk = disk
    user.diskWork = more.diskWork
  }
  if (more.wait !== undefined && more.wait.latencyMs > (user.wait?.latencyMs ?? 0)) user.wait = more.wait
}

/** Read and written. */
function bytesOf(metrics: Metrics): number | undefined {
  return plus(valueOf(metrics['readBytesPerSecond']), valueOf(metrics['writeBytesPerSecond']))
}

function requestsOf(metrics: Metrics): number | undefined {
  return plus(valueOf(metrics['readRequestsPerSecond']), valueOf(metrics['writeRequestsPerSecond']))
}

/** Undefined where neither is known. */
function plus(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : a + b
}
