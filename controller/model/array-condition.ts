/** Likely, with an interval that holds the truth in 80 of 100 cases; bytes, bytes a second or seconds, as the field says. */
export interface Interval {
  readonly low: number
  readonly likely: number
  readonly high: number
}

/**
 * What an estimate rests on. `assumed`: nothing is known, any array could be meant. `policy`: a person wrote it. `controller`: the array's
 * own tools or data sheet say it. `calibrated`: a ramp found it out. `learnt`: this array showed it.
 */
export type EstimateBasis = 'assumed' | 'policy' | 'controller' | 'calibrated' | 'learnt'

export interface Estimate extends Interval {
  readonly basis: EstimateBasis
}

/** Loads, and conditions of the disks, that one array drains at different speeds. `degraded`: a disk of its parity RAID is missing. */
export const loadClasses = ['sequential', 'random', 'with-reads', 'rebuild', 'degraded', 'write-through'] as const
export type LoadClass = (typeof loadClasses)[number]

/**
 * `idle`: what is written drains at once. `filling`: more comes in than drains. `near-full`: little room is left. `saturated`: full;
 * writers get what drains. `draining`: less comes in than drains, and much is still in the cache. `stalled`: requests wait and none
 * ends. `write-through`: the cache is off. `unknown`: the evidence does not tell.
 */
export const arrayCacheStates = [
  'idle',
  'filling',
  'near-full',
  'saturated',
  'draining',
  'stalled',
  'write-through',
  'unknown',
] as const
export type ArrayCacheState = (typeof arrayCacheStates)[number]

/**
 * What was seen of one box (one array, or several that policy joins) since the step before: exact totals of all its hosts, so that a report
 * that is late is told late and nothing is lost. What nobody can tell is undefined.
 */
export interface ArrayTick {
  /** Milliseconds since 1970, at the end of the step. */
  readonly at: number
  /** How long the step was. */
  readonly seconds: number
  readonly writeBytes: number | undefined
  /**
   * What was told of a time that is much longer than the step: after a report that was missing, nobody knows when it came in. Then all other
   * totals are undefined.
   */
  readonly late: LateWrites | undefined
  /** Of the one who wrote most: a VM, or a host by itself. */
  readonly largestWriterBytes: number | undefined
  readonly readBytes: number | undefined
  readonly writeRequests: number | undefined
  readonly readRequests: number | undefined
  /** Mean over the requests that ended in the step. */
  readonly writeLatencyMs: number | undefined
  readonly readLatencyMs: number | undefined
  /** Requests that wait for the array at the end of the step. */
  readonly inFlight: number | undefined
  /** The canary's own last small write. */
  readonly canaryMs: number | undefined
  /** How long the canary has been past its deadline; undefined: it is not. */
  readonly canaryOverdueMs: number | undefined
  /** Writes of users that write little: what neighbours feel. */
  readonly smallWriteLatencyMs: number | undefined
  /** What the array's tools say of its cache. */
  readonly writeCache: 'write-back' | 'write-through' | undefined
  readonly rebuilding: boolean | undefined
  /** A disk of a RAID with parity is missing. */
  readonly degraded: boolean | undefined
}

/** What was written at some moments of a long time. */
export interface LateWrites {
  readonly bytes: number
  readonly seconds: number
}

/** What a box's write cache does, as far as can be told. */
export interface ArrayCondition {
  readonly boxId: string
  readonly at: number
  readonly state: ArrayCacheState
  /** Milliseconds since 1970. */
  readonly since: number
  /** Bytes in the write cache that its disks do not have yet; undefined: what was in it when it was looked at first, or again, may still be. */
  readonly fill: Interval | undefined
  /** Bytes. */
  readonly capacity: Estimate
  /** Bytes a second that leave the cache, of the load of now. */
  readonly drain: Estimate
  /** Of each class that was seen or told. */
  readonly drains: Readonly<Partial<Record<LoadClass, Estimate>>>
  readonly loadClass: LoadClass
  readonly inflowBytesPerSecond: number | undefined
  /** At the inflow of now; undefined: it does not fill. */
  readonly secondsToSaturation: Interval | undefined
  readonly burst: BurstHeadroom
  /** How often it was seen to overflow, and for how long it was watched. */
  readonly overflows: number
  readonly observedSeconds: number
}

/** What the array takes now before it overflows. A bulk copy is a sustained writer, as fast as was seen or policy says. */
export interface BurstHeadroom {
  /** Bytes that fit into the cache. */
  readonly room: Interval
  readonly bulkCopyBytesPerSecond: number
  /** How many bulk copies of a minute it takes at once; 0: not one. */
  readonly bulkCopies: number
  /** Until two bulk copies fill it; undefined: it drains as fast as they write. */
  readonly secondsForTwoCopies: Interval | undefined
}
