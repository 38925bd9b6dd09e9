import { fairLevel } from './fair-share.js'

/**
 * A storage backend with a write-back cache, as a fluid: writes land in the cache at the speed of the wire until it is
 * full; the disks behind it empty it, and share their time with reads. Once full, writers get what the disks can take,
 * and everybody's requests wait behind what is queued (Little's law: wait = bytes in flight / throughput).
 */
export interface ArrayModel {
  /** 0: writes go through to the disks. */
  readonly cacheBytes: number
  /** How fast the disks take writes while nobody reads. */
  readonly drainBytesPerSecond: number
  /** The link, or the bus, in front of the cache. */
  readonly wireBytesPerSecond: number
  /** Sequential reading. */
  readonly readBytesPerSecond: number
  /** Time of the disks that a random read costs; several disks work side by side. */
  readonly seekSeconds: number
  /** A request on an idle array. */
  readonly baseReadSeconds: number
  readonly baseWriteSeconds: number
  readonly freezes: boolean
}

/** Mutable: worked over at every step. */
export interface ArrayState {
  fillBytes: number
  /** Since when several heavy users have kept the cache full. */
  overcommittedMs: number
  frozenUntilMs: number
  /** Nothing completed in the last step. */
  frozen: boolean
  /** How long it was frozen, up to the step after: those who waited see it when they are served. */
  frozenMs: number
  /** Of the last step. */
  /** What guests wanted to write in the step, what they held back before included. */
  waitingBytes: number
  acceptedBytesPerSecond: number
  drainedBytesPerSecond: number
  /** Share of the disks' time in use. */
  busy: number
  /** A small request of somebody who writes little. */
  readSeconds: number
  writeSeconds: number
}

/** One VM's disk on an array: what it wants in a step, and what it got. Mutable and reused. */
export interface DiskTurn {
  writeWant: number
  writeSize: number
  readWant: number
  readSize: number
  depth: number
  /** Requests that were in flight when the array froze, until they complete. */
  stalledReads: number
  stalledWrites: number
  written: number
  read: number
  /** Seconds per request of this disk in this step. */
  writeSeconds: number
  readSeconds: number
}

export function createArrayState(model: ArrayModel): ArrayState {
  return {
    fillBytes: 0,
    overcommittedMs: 0,
    frozenUntilMs: 0,
    frozen: false,
    frozenMs: 0,
    waitingBytes: 0,
    acceptedBytesPerSecond: 0,
    drainedBytesPerSecond: 0,
    busy: 0,
    readSeconds: model.baseReadSeconds,
    writeSeconds: model.baseWriteSeconds,
  }
}

export function createDiskTurn(): DiskTurn {
  return {
    writeWant: 0,
    writeSize: 4096,
    readWant: 0,
    readSize: 4096,
    depth: 1,
    stalledReads: 0,
    stalledWrites: 0,
    written: 0,
    read: 0,
    writeSeconds: 0,
    readSeconds: 0,
  }
}

/** How long several heavy users must keep the cache full before it freezes, and for how long it then does. */
export const freezeAfterMs = 20_000
export const freezeForMs = 90_000

/** Guests offer a little more than the last answers' times allow: waiting requests are merged. */
const pushing = 1.25

/** Moves the array on by one step and tells each disk what it got. */
export function stepArray(
  model: ArrayModel,
  state: ArrayState,
  disks: readonly DiskTurn[],
  nowMs: number,
  stepMs: number,
): void {
  const seconds = stepMs / 1000
  state.waitingBytes = 0
  for (const disk of disks) state.waitingBytes += disk.writeWant
  const wasFrozen = state.frozen
  state.frozen = nowMs < state.frozenUntilMs
  if (state.frozen) {
    stand(state, disks, stepMs)
    return
  }
  if (!wasFrozen) state.frozenMs = 0

  // Who waits for an answer before asking again is slowed by the last answers' times.
  const writeWants = disks.map((disk) => {
    const lastSeconds = Math.max(disk.writeSeconds, model.baseWriteSeconds)
    return Math.min(disk.writeWant, (pushing * disk.depth * disk.writeSize * seconds) / lastSeconds)
  })
  const readCosts = disks.map((disk) => 1 / model.readBytesPerSecond + seekOf(model, disk.readSize) / disk.readSize)
  const readWants = disks.map((disk, index) => {
    const lastSeconds = Math.max(disk.readSeconds, model.baseReadSeconds)
    const bytes = (pushing * disk.depth * disk.readSize * seconds) / lastSeconds
    return Math.min(disk.readWant, bytes) * (readCosts[index] ?? 0)
  })
  const writeWant = Math.min(sum(writeWants), model.wireBytesPerSecond * seconds)

  // The disks' time: reads first, but never more than half of it while writes wait.
  const drainWant = (state.fillBytes + writeWant) / model.drainBytesPerSecond
  const readTime = Math.min(sum(readWants), Math.max(seconds / 2, seconds - drainWant))
  const drainTime = Math.min(drainWant, seconds - readTime)
  const drained = drainTime * model.drainBytesPerSecond
  const room = Math.max(0, model.cacheBytes - state.fillBytes) + drained
  const accepted = Math.min(writeWant, room)
  const crowded = crowdedShare(model, state, writeWant, drained)
  state.fillBytes = Math.min(model.cacheBytes, Math.max(0, state.fillBytes + accepted - drained))
  state.acceptedBytesPerSecond = accepted / seconds
  state.drainedBytesPerSecond = drained / seconds
  state.busy = Math.min(1, (readTime + drainTime) / seconds)

  // Small requests slip in between large ones, so they wait for a part of the queue only.
  const writeQueue = crowded > 0 ? sum(disks.map(bytesInFlight)) : 0
  const throughput = Math.max(accepted / seconds, model.drainBytesPerSecond / 20)
  const writeWait = (crowded * writeQueue) / throughput
  const readQueue =
    sum(readWants) > readTime * 1.001 ? sum(disks.map((disk, index) => timeInFlight(disk, readCosts[index] ?? 0))) : 0
  const readWait = readTime > 0 ? readQueue * (seconds / readTime) : 0
  const easyWrite = model.baseWriteSeconds * (1 + Math.min(1, accepted / (model.wireBytesPerSecond * seconds)))
  const easyRead = model.baseReadSeconds * (1 + 1.5 * state.busy ** 3 + 2.5 * crowded)

  const writeLevel = fairLevel(writeWants, accepted)
  const readLevel = fairLevel(readWants, readTime)
  for (const [index, disk] of disks.entries()) {
    const cost = readCosts[index] ?? 1
    disk.written = Math.min(writeWants[index] ?? 0, writeLevel)
    disk.read = Math.min(readWants[index] ?? 0, readLevel) / cost
    disk.writeSeconds = easyWrite + writeWait * partOfQueue(bytesInFlight(disk), writeQueue)
    disk.readSeconds = easyRead + readWait * partOfQueue(timeInFlight(disk, cost), readQueue)
  }
  state.writeSeconds = easyWrite + writeWait * partOfQueue(0, writeQueue)
  state.readSeconds = easyRead + readWait * partOfQueue(0, readQueue)
  watchForFreeze(model, state, disks, { crowded, readCosts, nowMs, stepMs })
}

/** Frozen: nothing completes, nothing drains, everybody waits. */
function stand(state: ArrayState, disks: readonly DiskTurn[], stepMs: number): void {
  state.frozenMs += stepMs
  state.acceptedBytesPerSecond = 0
  state.drainedBytesPerSecond = 0
  state.busy = 1
  for (const disk of disks) {
    disk.written = 0
    disk.read = 0
    disk.stalledWrites = Math.max(disk.stalledWrites, Math.min(disk.depth, Math.ceil(disk.writeWant / disk.writeSize)))
    disk.stalledReads = Math.max(disk.stalledReads, Math.min(disk.depth, Math.ceil(disk.readWant / disk.readSize)))
  }
}

/** Share of the step in which the cache has no room left. */
function crowdedShare(model: ArrayModel, state: ArrayState, want: number, drained: number): number {
  const surplus = want - drained
  if (surplus <= 0) return 0
  const room = Math.max(0, model.cacheBytes - state.fillBytes)
  return surplus <= room ? 0 : 1 - room / surplus
}

function watchForFreeze(
  model: ArrayModel,
  state: ArrayState,
  disks: readonly DiskTurn[],
  step: { crowded: number; readCosts: readonly number[]; nowMs: number; stepMs: number },
): void {
  const heavySeconds = 0.2 * (step.stepMs / 1000)
  const heavy = disks.filter(
    (disk, index) =>
      disk.writeWant / model.drainBytesPerSecond + disk.readWant * (step.readCosts[index] ?? 0) > heavySeconds,
  )
  const overcommitted = model.freezes && step.crowded > 0.5 && heavy.length > 1
  state.overcommittedMs = overcommitted ? state.overcommittedMs + step.stepMs : 0
  if (state.overcommittedMs < freezeAfterMs) return
  state.overcommittedMs = 0
  state.frozenUntilMs = step.nowMs + step.stepMs + freezeForMs
}

/** Large requests are neighbours on the disks: they seek less. */
function seekOf(model: ArrayModel, readSize: number): number {
  return readSize >= 64 * 1024 ? model.seekSeconds / 4 : model.seekSeconds
}

function bytesInFlight(disk: DiskTurn): number {
  return Math.min(disk.depth * disk.writeSize, disk.writeWant)
}

/** Disks' time for the reads that this guest keeps in flight. */
function timeInFlight(disk: DiskTurn, costPerByte: number): number {
  return Math.min(disk.depth * disk.readSize, disk.readWant) * costPerByte
}

function partOfQueue(own: number, queue: number): number {
  return 0.35 + (queue > 0 ? 0.65 * (own / queue) : 0)
}

function sum(numbers: readonly number[]): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}
