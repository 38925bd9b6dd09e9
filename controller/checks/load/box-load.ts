import {
  isRunning,
  valueOf,
  type Disk,
  type Metric,
  type MetricSource,
  type StorageArray,
} from '../../model/snapshot.js'
import type { PlacedVm } from '../policy/place.js'
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

  constructor(arrays: Iterable<StorageArray>, boxOf: (arrayKey: string) => Box) {
    for (const array of arrays) this.#draftOf(boxOf(array.key)).arrays.push(array)
  }

  /** A VM that is seen. */
  add(one: PlacedVm): void {
    for (const [at, { box }] of one.place.disks.entries()) {
      const disk = one.disks[at]
      if (disk !== undefined) use(this.#draftOf(box), { one, disk })
    }
  }

  /** By id of the box. */
  loads(): ReadonlyMap<string, BoxLoad> {
    return new Map(Array.from(this.#drafts, ([id, draft]) => [id, loadOf(draft)]))
  }

  #draftOf(box: Box): Draft {
    const before = this.#drafts.get(box.id)
    if (before !== undefined) return before
    const draft: Draft = { box, arrays: [], used: [], userCount: 0, told: 0, slowestMs: 0 }
    this.#drafts.set(box.id, draft)
    return draft
  }
}

/** Its figures are of now. */
export function isSeen({ vm, host }: PlacedVm): boolean {
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

interface Used {
  readonly one: PlacedVm
  readonly disk: Disk
}

interface Draft {
  readonly box: Box
  readonly arrays: StorageArray[]
  /** Disks of a VM come one after the other. */
  readonly used: Used[]
  userCount: number
  /** What its users say that they do. */
  told: number
  slowestMs: number
}

function use(draft: Draft, used: Used): void {
  const { metrics } = used.disk
  if (draft.used.at(-1)?.one !== used.one) draft.userCount += 1
  draft.used.push(used)
  draft.told += workOf(bytesOf(metrics), requestsOf(metrics))
  draft.slowestMs = Math.max(draft.slowestMs, slowestMsOf(metrics))
}

function loadOf({ box, arrays, used, userCount, told, slowestMs }: Draft): BoxLoad {
  const counted = arrays.reduce((total, { metrics }) => total + workOf(bytesOf(metrics), requestsOf(metrics)), 0)
  // What hosts count has more in it than VMs, and may be of another second.
  const work = Math.max(told, counted)
  let users: readonly BoxUser[] | undefined
  return {
    box,
    arrays,
    work,
    userCount,
    slowestMs,
    get users() {
      users ??= usersOf(used, work)
      return users
    },
  }
}

type UserDraft = { -readonly [Key in keyof BoxUser]: BoxUser[Key] } & { diskWork: number }

function usersOf(used: readonly Used[], boxWork: number): BoxUser[] {
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
