import {
  isRunning,
  valueOf,
  type Disk,
  type Metric,
  type MetricSource,
  type StorageArray,
} from '../../model/snapshot.js'
import type { PlacedFleet, PlacedVm } from '../policy/placed-fleet.js'
import { ownDisks, type Box } from '../storage.js'

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
    const draft: Draft = { box, arrays: [], disks: new Map() }
    drafts.set(box.id, draft)
    return draft
  }
  for (const array of snapshot.arrays.values()) draftOf(array.key).arrays.push(array)
  for (const one of vms) {
    if (!isSeen(one)) continue
    for (const disk of ownDisks(one.vm, snapshot)) {
      const { disks } = draftOf(disk.arrayKey)
      const own = disks.get(one)
      if (own === undefined) disks.set(one, [disk])
      else own.push(disk)
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
  const completed = sumOf(metrics, 'RequestsPerSecond')
  return completed === 0 && (valueOf(metrics['inFlight']) ?? 0) >= 2
}

/**
 * The slower of reading and writing, of those for which requests wait at least a tenth of the time (by Little's law: requests a second
 * times the time of each). The mean of a few is chance.
 */
export function waitOf(metrics: Metrics): Wait | undefined {
  let slowest: Wait | undefined
  for (const way of ['read', 'write'] as const) {
    const latency = metrics[`${way}LatencyMs`]
    const requests = valueOf(metrics[`${way}RequestsPerSecond`])
    if (latency === undefined || 'absent' in latency || requests === undefined) continue
    const inFlight = (requests * latency.value) / 1000
    if (inFlight < leastInFlight || (slowest !== undefined && slowest.latencyMs >= latency.value)) continue
    const serviceMs = latency.value / Math.max(1, inFlight)
    slowest = { field: `${way}LatencyMs`, latencyMs: latency.value, serviceMs, source: latency.source }
  }
  return slowest
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
  readonly disks: Map<PlacedVm, Disk[]>
}

function loadOf({ box, arrays, disks }: Draft): BoxLoad {
  const users = Array.from(disks, ([one, own]) => userOf(one, own))
  const told = sum(users.map(({ work }) => work))
  const counted = sum(arrays.map(({ metrics }) => metricsWork(metrics)))
  // What hosts count has more in it than VMs, and may be of another second.
  const work = Math.max(told, counted)
  return { box, arrays, work, users: users.map((user) => ({ ...user, share: work > 0 ? user.work / work : 0 })) }
}

function userOf(one: PlacedVm, disks: readonly Disk[]): BoxUser {
  let [main] = disks
  if (main === undefined) throw new Error('a user of a box without a disk there')
  let wait: Wait | undefined
  for (const disk of disks) {
    if (metricsWork(disk.metrics) > metricsWork(main.metrics)) main = disk
    const own = waitOf(disk.metrics)
    if (own !== undefined && (wait === undefined || own.latencyMs > wait.latencyMs)) wait = { ...own, disk }
  }
  const bytesPerSecond = sumOfKnown(disks.map(({ metrics }) => sumOf(metrics, 'BytesPerSecond')))
  const requestsPerSecond = sumOfKnown(disks.map(({ metrics }) => sumOf(metrics, 'RequestsPerSecond')))
  const work = workOf(bytesPerSecond, requestsPerSecond)
  return { one, disk: main, bytesPerSecond, requestsPerSecond, work, share: 0, wait }
}

function metricsWork(metrics: Metrics): number {
  return workOf(sumOf(metrics, 'BytesPerSecond'), sumOf(metrics, 'RequestsPerSecond'))
}

/** Read and written. */
function sumOf(metrics: Metrics, what: 'BytesPerSecond' | 'RequestsPerSecond'): number | undefined {
  return sumOfKnown([valueOf(metrics[`read${what}`]), valueOf(metrics[`write${what}`])])
}

/** Undefined where none is known. */
function sumOfKnown(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : sum(known)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
