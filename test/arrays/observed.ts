import type { ArrayCacheState, ArrayTick } from '../../controller/model/array-condition.js'
import type { Dice } from './dice.js'
import { effectiveDrain, goOn, type Demand, type Done, type HiddenSpec, type HiddenState } from './hidden-array.js'

/** What hosts and agents have to tell with: all; latencies of virtual disks but no canary; bytes and a canary, as of Xen. */
export const kits = ['all', 'disks', 'canary'] as const
export type Kit = (typeof kits)[number]

/** What is so, whatever anybody sees. */
export interface Truth {
  readonly at: number
  readonly state: ArrayCacheState
  readonly fillBytes: number
  readonly inflow: number
  /** Share of the second in which writers had to wait for the disks. */
  readonly full: number
  /** How fast the disks were, for 1 on average. */
  readonly pace: number
  /** More comes in than drains, however little is in the cache. */
  readonly isRising: boolean
}

export interface Seen {
  readonly tick: ArrayTick
  readonly truth: Truth
}

/** Three hosts that report each second, a little early or late, and now and then one that is two seconds late. */
const hosts = [0.7, 0.2, 0.1] as const
const lateChance = 0.008
const canaryDeadlineMs = 2000
/** Deviations of the logarithm of the disks' speed: over minutes, and from second to second. */
const driftSpread = 0.06
const driftSeconds = 40
const secondSpread = 0.06

interface HostTold {
  bytes: number
  bulk: number
  reads: number
  writes: number
  readBytes: number
  lateFor: number
}

/** Watches one hidden array: as told by hosts, and as it is. */
export class Watcher {
  readonly #untold: HostTold[] = hosts.map(() => nothingUntold())
  #at: number
  #canaryOverdueMs = 0
  /** Logarithm of what is slow to change about the disks' speed: where the heads are, and what else they do. */
  #drift = 0

  constructor(
    private readonly spec: HiddenSpec,
    private readonly state: HiddenState,
    private readonly kit: Kit,
    private readonly dice: Dice,
    startMs: number,
  ) {
    this.#at = startMs
  }

  /** A second or so. */
  next(demand: Demand): Seen {
    const seconds = this.dice.between(0.9, 1.1)
    this.#at += seconds * 1000
    const levelBefore = this.state.fillBytes
    const pace = this.#pace()
    const done = goOn(this.spec, this.state, demand, seconds, pace)
    const truth = truthOf(
      this.spec,
      { demand, done, seconds, levelBefore, level: this.state.fillBytes, pace },
      this.#at,
    )
    return { tick: this.#tick(demand, done, seconds), truth }
  }

  #pace(): number {
    this.#drift += Math.log(this.dice.noise(driftSpread)) * Math.sqrt(2 / driftSeconds) - this.#drift / driftSeconds
    return Math.exp(this.#drift) * this.dice.noise(secondSpread)
  }

  #tick(demand: Demand, done: Done, seconds: number): ArrayTick {
    const { dice, kit } = this
    const told = this.#told(demand, done)
    const isBusy = told.writes > 0
    const hasDisks = kit !== 'canary'
    const canary = this.#canary(done, seconds)
    const mean = meanLatency(demand, done)
    const outlier = dice.happens(0.004) ? dice.between(2, 6) : 1
    return {
      at: this.#at,
      seconds,
      writeBytes: told.bytes,
      late: undefined,
      largestWriterBytes: told.bulk,
      readBytes: told.readBytes,
      writeRequests: told.writes,
      readRequests: told.reads,
      writeLatencyMs: hasDisks && isBusy ? mean * dice.noise(0.12) : undefined,
      readLatencyMs: hasDisks && told.reads > 0 ? done.readMs * dice.noise(0.15) : undefined,
      inFlight: kit === 'canary' ? undefined : inFlightOf(demand, done),
      canaryMs: kit === 'disks' || canary === undefined ? undefined : canary * dice.noise(0.15) * outlier,
      canaryOverdueMs: kit === 'disks' || this.#canaryOverdueMs === 0 ? undefined : this.#canaryOverdueMs,
      smallWriteLatencyMs: hasDisks && demand.smallBytes > 0 && isBusy ? done.smallMs * dice.noise(0.15) : undefined,
      writeCache: undefined,
      rebuilding: undefined,
      degraded: undefined,
    }
  }

  #canary(done: Done, seconds: number): number | undefined {
    if (!done.frozen) {
      this.#canaryOverdueMs = 0
      return done.smallMs
    }
    this.#canaryOverdueMs += seconds * 1000
    if (this.#canaryOverdueMs < canaryDeadlineMs) this.#canaryOverdueMs += 1
    return undefined
  }

  /** What hosts tell in this second; the bulk writer is the first's. */
  #told(demand: Demand, done: Done): Omit<HostTold, 'lateFor'> {
    const sum = { bytes: 0, bulk: 0, reads: 0, writes: 0, readBytes: 0 }
    for (const [index, share] of hosts.entries()) {
      const own = this.#untold[index]
      if (own === undefined) continue
      const bulk = index === 0 ? done.bulkBytes : 0
      const small = done.smallBytes * share
      own.bytes += bulk + small
      own.bulk += bulk
      own.reads += done.reads * share
      own.readBytes += done.reads * share * demand.readSize
      own.writes += bulk / demand.bulkSize + small / demand.smallSize
      if (own.lateFor > 0) {
        own.lateFor -= 1
        if (own.lateFor > 0) continue
      } else if (this.dice.happens(lateChance)) {
        own.lateFor = 2
        continue
      }
      sum.bytes += own.bytes
      sum.bulk += own.bulk
      sum.reads += own.reads
      sum.writes += own.writes
      sum.readBytes += own.readBytes
      this.#untold[index] = nothingUntold()
    }
    return { ...sum, reads: Math.round(sum.reads), writes: Math.round(sum.writes) }
  }
}

function nothingUntold(): HostTold {
  return { bytes: 0, bulk: 0, reads: 0, writes: 0, readBytes: 0, lateFor: 0 }
}

/** Over requests, as hypervisors count it. */
function meanLatency(demand: Demand, done: Done): number {
  const bulk = done.bulkBytes / demand.bulkSize
  const small = done.smallBytes / demand.smallSize
  return bulk + small > 0 ? (bulk * done.bulkMs + small * done.smallMs) / (bulk + small) : done.smallMs
}

function inFlightOf(demand: Demand, done: Done): number {
  if (done.frozen) return demand.bulkBytes + demand.smallBytes + demand.readRequests > 0 ? 3 : 0
  const bulk = demand.bulkBytes > 0 ? 1 : 0
  return bulk + Math.round((demand.smallBytes / demand.smallSize) * (done.smallMs / 1000))
}

/** The definitions of `ArrayCacheState`, by what the disks can take under this demand. */
function truthOf(
  spec: HiddenSpec,
  of: { demand: Demand; done: Done; seconds: number; levelBefore: number; level: number; pace: number },
  at: number,
): Truth {
  const { demand, done, seconds, level, levelBefore, pace } = of
  const inflow = (done.bulkBytes + done.smallBytes) / seconds
  const share = level / spec.cacheBytes
  const grows = inflow > 0.3e6 && inflow > effectiveDrain(spec, demand) && level >= levelBefore
  const state = done.frozen
    ? 'stalled'
    : done.full > 0.4
      ? 'saturated'
      : grows && share > 0.8
        ? 'near-full'
        : grows && share > 0.02
          ? 'filling'
          : level < levelBefore && share > 0.08
            ? 'draining'
            : 'idle'
  return { at, state, fillBytes: level, inflow, full: done.full, pace, isRising: grows }
}
