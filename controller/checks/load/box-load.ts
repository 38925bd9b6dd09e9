import {
  isRunning,
  valueOf,
  type Disk,
  type Metric,
  type MetricSource,
  type StorageArray,
} from '../../model/snapshot.js'
import type { PlacedFleet, PlacedVm } from '../policy/placed-fleet.js'
import type { Box } from '../storage.js'

/** What goes on at one storage box: all that checks of storage load work on, made once. */
export interface BoxLoad {
  readonly box: Box
  /** More than one where the policy joins them. */
  readonly arrays: readonly StorageArray[]
  /** Running VMs with disks there that could be read. */
  readonly users: readonly BoxUser[]
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
  readonly disk?: Disk
  readonly field: 'readLatencyMs' | 'writeLatencyMs'
  readonly latencyMs: number
  /** The same without the time that requests wait for others of the same: what it would be, one at a time. */
  readonly serviceMs: number
  readonly source: MetricSource
}

type Metrics = Readonly<Record<string, Metric>>

/** Boxes by id. */
export function boxLoads({ snapshot, vms, boxOf }: PlacedFleet): ReadonlyMap<string, BoxLoad> {
  const drafts = new Map<string, Draft>()
  const draftOf = (arrayKey: string): Draft => {
    const box = boxOf(arrayKey)
    const before = drafts.get(box.id)
    if (before !== undefined) return before
    const draft: Draft = { box, arrays: [], users: [] }
    drafts.set(box.id, draft)
    return draft
  }
  for (const array of snapshot.arrays.values()) draftOf(array.key).arrays.push(array)
  for (const one of vms) {
    if (!isSeen(one)) continue
    for (const disk of one.disks) {
      const { users } = draftOf(disk.arrayKey)
      const last = users.at(-1)
      // Disks of a VM come one after the other.
      if (last?.one === one) addDisk(last, disk)
      else users.push(userOf(one, disk))
    }
  }
  return new Map(Array.from(drafts, ([id, draft]) => [id, loadOf(draft)]))
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
  return !box.shared && users.every(({ one }) => one.class === 'personal')
}

/**
 * The slower of reading and writing, of those for which requests wait at least a tenth of the time (by Little's law: requests a second
 * times the time of each). The mean of a few is chance.
 */
export function waitOf(metrics: Metrics): Wait | undefined {
  const read = waitFor(metrics, 'readLatencyMs', 'readRequestsPerSecond')
  const write = waitFor(metrics, 'writeLatencyMs', 'writeRequestsPerSecond')
  return read === undefined || (write !== undefined && write.latencyMs > read.latencyMs) ? write : read
}

function waitFor(metrics: Metrics, field: Wait['field'], requestsField: string): Wait | undefined {
  const latency = metrics[field]
  const requests = valueOf(metrics[requestsField])
  if (latency === undefined || 'absent' in latency || requests === undefined) return undefined
  const inFlight = (requests * latency.value) / 1000
  if (inFlight < leastInFlight) return undefined
  return { field, latencyMs: latency.value, serviceMs: latency.value / Math.max(1, inFlight), source: latency.source }
}

const leastInFlight = 0.1

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
function workOf(bytesPerSecond: number | undefined, requestsPerSecond: number | undefined): number {
  return (bytesPerSecond ?? 0) + (requestsPerSecond ?? 0) * requestBytes
}

interface Draft {
  readonly box: Box
  readonly arrays: StorageArray[]
  readonly users: UserDraft[]
}

/** While it is made: every object counts with thousands of VMs each second. */
type UserDraft = { -readonly [Key in keyof BoxUser]: BoxUser[Key] } & { diskWork: number }

function loadOf({ box, arrays, users }: Draft): BoxLoad {
  let told = 0
  for (const user of users) told += user.work
  const counted = arrays.reduce((total, { metrics }) => total + workOf(bytesOf(metrics), requestsOf(metrics)), 0)
  // What hosts count has more in it than VMs, and may be of another second.
  const work = Math.max(told, counted)
  for (const user of users) user.share = work > 0 ? user.work / work : 0
  return { box, arrays, work, users }
}

type DiskLoad = Pick<BoxUser, 'bytesPerSecond' | 'requestsPerSecond' | 'work' | 'wait'>

/** Most disks are the same objects from snapshot to snapshot. */
const loadsOfDisks = new WeakMap<Disk, DiskLoad>()

function loadOfDisk(disk: Disk): DiskLoad {
  const before = loadsOfDisks.get(disk)
  if (before !== undefined) return before
  const bytesPerSecond = bytesOf(disk.metrics)
  const requestsPerSecond = requestsOf(disk.metrics)
  const work = workOf(bytesPerSecond, requestsPerSecond)
  const wait = waitOf(disk.metrics)
  const load = { bytesPerSecond, requestsPerSecond, work, wait: wait === undefined ? undefined : { ...wait, disk } }
  loadsOfDisks.set(disk, load)
  return load
}

function userOf(one: PlacedVm, disk: Disk): UserDraft {
  const { bytesPerSecond, requestsPerSecond, work, wait } = loadOfDisk(disk)
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
