import type { Contribution } from './contributions.js'
import { costOf, type IoRates } from './io-cost.js'

/** What is kept of one user of a box: plain data, all of it forgetting. Costs are those of `costOf`. */
export interface SuspectTrack extends Contribution {
  /** Of a host: what its VMs did since it was read, which is in its counters too. */
  readonly ofVms: IoRates
  /** A second, over about 3 s. */
  readonly cost: number
  /** The same as it was before anything happened, and how far it strays from that. */
  readonly usualCost: number
  readonly strayCost: number
  /** A second, over about 10 s. */
  readonly bytes: number
  readonly writeBytes: number
  readonly requests: number
  readonly usualRequests: number
  /** Cost above the usual, added up over about a minute. */
  readonly excess: number
  /** Since when it does more than usual, and when it did last. */
  readonly risenAt: number | undefined
  readonly aboveAt: number
  /** Logarithms of milliseconds. */
  readonly read: Latency | undefined
  readonly write: Latency | undefined
  /** How much longer it waits than usual: logarithm, of the worse way. */
  readonly wait: number
  /** When its latency was last known; undefined: never. */
  readonly waitAt: number | undefined
  /** Moments of its cost with the wait of the others, over about 2 minutes. */
  readonly moments: Moments
}

export interface Latency {
  readonly now: number
  readonly usual: number
}

export interface Moments {
  readonly cost: number
  readonly wait: number
  readonly costSquare: number
  readonly waitSquare: number
  readonly product: number
}

/** What it did since it was read before. Of a host with its VMs. */
export interface Told extends IoRates {
  readonly seconds: number
  readonly readMs: number | undefined
  readonly writeMs: number | undefined
}

/** How fast the usual is learnt now, and how much it counts (0 to 1) if somebody does more. */
export interface Pace {
  readonly at: number
  readonly usualSeconds: number
  readonly weight: number
}

export const nothingDone: IoRates = { readBytes: 0, writeBytes: 0, readRequests: 0, writeRequests: 0 }

const costSeconds = 3
const recentSeconds = 10
const latencySeconds = 3
const excessSeconds = 60
const momentSeconds = 120
/** Below this nobody is suspected: bytes a second. */
const leastCost = 200_000
/** Of what its VMs do: hosts and VMs are not read at the same moment. */
const apartShare = 0.1
/** Who has been back to the usual for so long began anew if it rises again. */
const overMs = 15_000
/** Shorter waits than this are no rise, in milliseconds. */
const leastRiseMs = 1

export function newTrack(contribution: Contribution): SuspectTrack {
  return {
    ...contribution,
    ofVms: nothingDone,
    cost: 0,
    usualCost: 0,
    strayCost: 0,
    bytes: 0,
    writeBytes: 0,
    requests: 0,
    usualRequests: 0,
    excess: 0,
    risenAt: undefined,
    aboveAt: 0,
    read: undefined,
    write: undefined,
    wait: 0,
    waitAt: undefined,
    moments: { cost: 0, wait: 0, costSquare: 0, waitSquare: 0, product: 0 },
  }
}

/** Undefined: nothing was told since, counters began anew, or the totals are of others: what joins brings along all that it ever did. */
export function toldSince({ at, of, totals }: SuspectTrack, now: Contribution): Told | undefined {
  const seconds = (now.at - at) / 1000
  if (seconds <= 0 || of !== now.of) return undefined
  const after = now.totals
  const readBytes = growth(totals.readBytes, after.readBytes)
  const writeBytes = growth(totals.writeBytes, after.writeBytes)
  const readRequests = growth(totals.readRequests, after.readRequests)
  const writeRequests = growth(totals.writeRequests, after.writeRequests)
  if (readBytes < 0 || writeBytes < 0 || readRequests < 0 || writeRequests < 0) return undefined
  return {
    seconds,
    readBytes,
    writeBytes,
    readRequests,
    writeRequests,
    readMs: meanMs(readRequests, growth(totals.readSeconds, after.readSeconds)),
    writeMs: meanMs(writeRequests, growth(totals.writeSeconds, after.writeSeconds)),
  }
}

function growth(before = 0, after = 0): number {
  return after - before
}

function meanMs(requests: number, seconds: number): number | undefined {
  return requests > 0 && seconds > 0 ? (1000 * seconds) / requests : undefined
}

/** What a host did by itself: its own less what its VMs did. As the two are read one after the other it may be below 0 for a moment. */
export function ofHostItself(did: Told, vms: IoRates): IoRates {
  const readBytes = did.readBytes - vms.readBytes
  const writeBytes = did.writeBytes - vms.writeBytes
  // Hosts split and merge requests of VMs: what is left of requests without bytes is nobody's.
  return {
    readBytes,
    writeBytes,
    readRequests: between(did.readRequests - vms.readRequests, readBytes),
    writeRequests: between(did.writeRequests - vms.writeRequests, writeBytes),
  }
}

function between(requests: number, bytes: number): number {
  return Math.max(0, Math.min(requests, bytes / 4096))
}

/**
 * The track after something was told of it. `did` is its own share of what was told, `ofVms` that of a host's VMs;
 * `othersWait` how much longer the others wait than usual, as of the step before (logarithm).
 */
export function advance(
  track: SuspectTrack,
  now: Contribution,
  told: Told,
  did: IoRates,
  ofVms: IoRates,
  othersWait: number,
  { at, usualSeconds, weight }: Pace,
): SuspectTrack {
  const { seconds } = told
  const rate = costOf(did, told.readMs) / seconds
  const cost = track.cost + (rate - track.cost) * part(seconds, costSeconds)
  const learnt = part(seconds, usualSeconds)
  const usualCost = track.usualCost + (cost - track.usualCost) * learnt
  const strayCost = track.strayCost + (Math.abs(cost - track.usualCost) - track.strayCost) * learnt
  const recent = part(seconds, recentSeconds)
  const requests = (did.readRequests + did.writeRequests) / seconds
  const apart = now.kind === 'host' ? (apartShare * costOf(ofVms)) / seconds : 0
  const above = Math.max(0, cost - usualCost - 2.5 * strayCost - 0.05 * usualCost - leastCost - apart)
  const excess = track.excess * (1 - part(seconds, excessSeconds)) + weight * above * seconds
  const aboveAt = above > 0 ? at : track.aboveAt
  const isOver = at - aboveAt > overMs
  const read = latencyAfter(track.read, told.readMs, seconds, usualSeconds)
  const write = latencyAfter(track.write, told.writeMs, seconds, usualSeconds)
  const isTimed = told.readMs !== undefined || told.writeMs !== undefined
  // Without spreading, which takes several times as long.
  return {
    id: now.id,
    kind: now.kind,
    name: now.name,
    hostId: now.hostId,
    at: now.at,
    of: now.of,
    totals: now.totals,
    ofVms: nothingDone,
    cost,
    usualCost,
    strayCost,
    bytes: track.bytes + ((did.readBytes + did.writeBytes) / seconds - track.bytes) * recent,
    writeBytes: track.writeBytes + (did.writeBytes / seconds - track.writeBytes) * recent,
    requests: track.requests + (requests - track.requests) * recent,
    usualRequests: track.usualRequests + (requests - track.usualRequests) * learnt,
    excess,
    risenAt: above > 0 ? (track.risenAt ?? at - 1000 * seconds) : isOver ? undefined : track.risenAt,
    aboveAt,
    read,
    write,
    wait: isTimed ? Math.max(rise(read), rise(write)) : track.wait,
    waitAt: isTimed ? at : track.waitAt,
    moments: momentsAfter(track.moments, cost, othersWait, part(seconds, momentSeconds)),
  }
}

function momentsAfter(before: Moments, cost: number, wait: number, learnt: number): Moments {
  return {
    cost: before.cost + (cost - before.cost) * learnt,
    wait: before.wait + (wait - before.wait) * learnt,
    costSquare: before.costSquare + (cost * cost - before.costSquare) * learnt,
    waitSquare: before.waitSquare + (wait * wait - before.waitSquare) * learnt,
    product: before.product + (cost * wait - before.product) * learnt,
  }
}

/** How much of the new is taken over; near to `1 - exp(-seconds / over)`, and cheaper. */
function part(seconds: number, over: number): number {
  return seconds / (over + seconds)
}

function latencyAfter(
  before: Latency | undefined,
  ms: number | undefined,
  seconds: number,
  usualSeconds: number,
): Latency | undefined {
  if (ms === undefined) return before
  const log = Math.log(ms)
  if (before === undefined) return { now: log, usual: log }
  return {
    now: before.now + (log - before.now) * part(seconds, latencySeconds),
    usual: before.usual + (log - before.usual) * part(seconds, usualSeconds),
  }
}

function rise(latency: Latency | undefined): number {
  if (latency === undefined || latency.now < latency.usual + 0.05) return 0
  return Math.exp(latency.now) - Math.exp(latency.usual) > leastRiseMs ? latency.now - latency.usual : 0
}
