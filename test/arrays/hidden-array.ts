/**
 * An array with a write-back cache whose insides only tests see: what the learner is judged by. It is written apart from the learner and
 * from the simulated hosts, works in steps of 50 ms, and destages by one of several policies that nobody tells the learner of.
 */
export interface HiddenSpec {
  readonly cacheBytes: number
  /** What the disks take of large writes while nobody reads. */
  readonly drainBytesPerSecond: number
  readonly destage: Destage
  /** In front of the cache. */
  readonly wireBytesPerSecond: number
  /** Share of the bulk writes that hit blocks which still wait in the cache. */
  readonly overwriteShare: number
  /** How many large bytes the disks could write for one small one. */
  readonly smallCost: number
  /** Of the disks' time, for each read. */
  readonly readSeconds: number
  readonly baseWriteMs: number
  readonly baseReadMs: number
  /** What bulk writers keep in flight. */
  readonly queueBytes: number
  /** How much of the queue a small write waits behind when the cache is full. */
  readonly queueShare: number
}

/** `high` and `low` are shares of the cache. */
export type Destage =
  | { readonly kind: 'always' }
  | { readonly kind: 'watermark'; readonly high: number; readonly low: number }
  | { readonly kind: 'when-idle'; readonly afterSeconds: number }
  | { readonly kind: 'bursts'; readonly everySeconds: number; readonly share: number }
  | { readonly kind: 'proportional' }

/** What users want of it; bytes and requests a second. */
export interface Demand {
  readonly bulkBytes: number
  readonly bulkSize: number
  readonly smallBytes: number
  readonly smallSize: number
  readonly readRequests: number
  readonly readSize: number
  /** The disks stand still, and nothing ends. */
  readonly frozen?: boolean
}

export interface HiddenState {
  fillBytes: number
  /** Of the fill, what came in small pieces. */
  smallBytes: number
  isDestaging: boolean
  quietSeconds: number
  clock: number
}

/** What was done in a step. */
export interface Done {
  readonly bulkBytes: number
  readonly smallBytes: number
  readonly reads: number
  readonly drainedBytes: number
  /** Share of the step in which writers had to wait for the disks. */
  readonly full: number
  readonly bulkMs: number
  readonly smallMs: number
  readonly readMs: number
  readonly frozen: boolean
}

const stepSeconds = 0.05

export function emptyHidden(): HiddenState {
  return { fillBytes: 0, smallBytes: 0, isDestaging: false, quietSeconds: 100, clock: 0 }
}

/** Goes on by some seconds under one demand; `pace` is how fast the disks are just now, 1 on average. */
export function goOn(spec: HiddenSpec, state: HiddenState, demand: Demand, seconds: number, pace = 1): Done {
  const paced = { ...spec, drainBytesPerSecond: spec.drainBytesPerSecond * pace }
  const total = { bulk: 0, small: 0, reads: 0, drained: 0, full: 0, bulkMs: 0, smallMs: 0, readMs: 0 }
  const steps = Math.max(1, Math.round(seconds / stepSeconds))
  for (let turn = 0; turn < steps; turn += 1) {
    const one = moved(paced, state, demand, seconds / steps)
    total.bulk += one.bulkBytes
    total.small += one.smallBytes
    total.reads += one.reads
    total.drained += one.drainedBytes
    total.full += one.full / steps
    total.bulkMs += one.bulkMs * one.bulkBytes
    total.smallMs += one.smallMs / steps
    total.readMs += one.readMs / steps
  }
  return {
    bulkBytes: total.bulk,
    smallBytes: total.small,
    reads: total.reads,
    drainedBytes: total.drained,
    full: total.full,
    bulkMs: total.bulk > 0 ? total.bulkMs / total.bulk : 0,
    smallMs: total.smallMs,
    readMs: total.readMs,
    frozen: demand.frozen === true,
  }
}

/** What the disks take under this demand, in bytes as users write them. */
export function effectiveDrain(spec: HiddenSpec, demand: Demand): number {
  const small = demand.smallBytes / Math.max(1, demand.smallBytes + demand.bulkBytes)
  return diskBytes(spec, small, demand) / (1 - spec.overwriteShare * (1 - small))
}

/** What users can write into an empty cache, beside what drains meanwhile. */
export function effectiveCapacity(spec: HiddenSpec, demand: Demand): number {
  const small = demand.smallBytes / Math.max(1, demand.smallBytes + demand.bulkBytes)
  return spec.cacheBytes / (1 - spec.overwriteShare * (1 - small))
}

function diskBytes(spec: HiddenSpec, smallShare: number, demand: Demand): number {
  const left = Math.max(0.4, 1 - demand.readRequests * spec.readSeconds)
  return (spec.drainBytesPerSecond * left) / (1 + smallShare * (spec.smallCost - 1))
}

function moved(spec: HiddenSpec, state: HiddenState, demand: Demand, seconds: number): Done {
  state.clock += seconds
  if (demand.frozen === true) return frozen(spec)
  const small = Math.min(demand.smallBytes, spec.wireBytesPerSecond) * seconds
  const bulk = Math.min(demand.bulkBytes, spec.wireBytesPerSecond - small / seconds) * seconds
  const share = state.fillBytes > 0 ? state.smallBytes / state.fillBytes : 0
  const speed = diskBytes(spec, share, demand)
  destage(spec, state, (small + bulk) / seconds < 0.2 * speed, seconds)
  const slowed = spec.destage.kind === 'proportional' ? Math.max(0.15, state.fillBytes / spec.cacheBytes) : 1
  const fresh = 1 - (spec.overwriteShare * bulk) / Math.max(1, small + bulk)
  const canDrain = state.isDestaging ? speed * slowed * seconds : 0
  const drained = Math.min(canDrain, state.fillBytes + (small + bulk) * fresh)
  const room = Math.max(0, spec.cacheBytes - state.fillBytes) + drained
  const want = (small + bulk) * fresh
  const part = want > room ? room / want : 1
  state.fillBytes = Math.max(0, state.fillBytes + want * part - drained)
  state.smallBytes = Math.min(state.fillBytes, Math.max(0, state.smallBytes + small * part - drained * share))
  const accepted = ((small + bulk) * part) / seconds
  const isFull = part < 0.999
  const busy = accepted / spec.wireBytesPerSecond
  const easy = spec.baseWriteMs * (1 + 0.75 * busy)
  const queueMs = (1000 * Math.min(spec.queueBytes, demand.bulkBytes)) / Math.max(accepted, speed / 10)
  return {
    bulkBytes: bulk * part,
    smallBytes: small * part,
    reads: Math.min(demand.readRequests, 0.6 / spec.readSeconds) * seconds,
    drainedBytes: drained,
    full: isFull ? 1 : 0,
    bulkMs: Math.max(easy, isFull || busy > 0.9 ? queueMs : easy * 1.3),
    smallMs: easy + (isFull ? spec.queueShare * queueMs : 0),
    readMs: spec.baseReadMs * (1 + (drained > 0 ? 1.5 : 0) + (isFull ? 3 : 0)),
    frozen: false,
  }
}

function frozen(spec: HiddenSpec): Done {
  const none = { bulkBytes: 0, smallBytes: 0, reads: 0, drainedBytes: 0, full: 1 }
  return { ...none, bulkMs: spec.baseWriteMs, smallMs: spec.baseWriteMs, readMs: spec.baseReadMs, frozen: true }
}

/** A full cache is emptied whatever the policy says. */
function destage({ destage, cacheBytes }: HiddenSpec, state: HiddenState, isQuiet: boolean, seconds: number): void {
  state.quietSeconds = isQuiet ? state.quietSeconds + seconds : 0
  const level = state.fillBytes / cacheBytes
  switch (destage.kind) {
    case 'always':
    case 'proportional':
      state.isDestaging = true
      return
    case 'watermark':
      state.isDestaging = state.isDestaging ? level > destage.low : level > destage.high
      return
    case 'when-idle':
      state.isDestaging = state.quietSeconds > destage.afterSeconds || level > 0.98
      return
    case 'bursts':
      state.isDestaging = (state.clock % destage.everySeconds) / destage.everySeconds < destage.share || level > 0.98
  }
}
