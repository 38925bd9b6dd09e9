import type { ArrayCondition, Interval } from '../model/array-condition.js'
import type { Culprits, Suspect, SuspectMember } from '../model/culprits.js'

export const remedyActions = [
  'limit',
  'stop-on-host',
  'wait',
  'pause',
  'move-disk',
  'one-at-a-time',
  'look-at-box',
  'look-at-battery',
] as const satisfies readonly Remedy['action'][]

/** What would help an array, as a proposal. Limits can be carried out by `controller/remedies/`. */
export type Remedy =
  | {
      readonly action: 'limit'
      readonly of: SuspectMember
      /** One of them: bytes of who copies, requests of who does many small ones or reads. */
      readonly writeBytesPerSecond: number | undefined
      readonly requestsPerSecond: number | undefined
      /** After which the limit should end. */
      readonly forSeconds: number
    }
  | { readonly action: 'pause'; readonly of: SuspectMember }
  /** To another array. Another host for the VM leaves the array what it was. */
  | { readonly action: 'move-disk'; readonly of: SuspectMember }
  /** What the host does itself: no VM to be limited. */
  | { readonly action: 'stop-on-host'; readonly of: SuspectMember; readonly processes: readonly string[] }
  /** Until the cache is empty, from when the suspects have stopped; with nobody to stop, from now. */
  | { readonly action: 'wait'; readonly seconds: Interval; readonly from: 'their-end' | 'now' }
  | { readonly action: 'one-at-a-time' }
  | { readonly action: 'look-at-box' }
  | { readonly action: 'look-at-battery' }

/** What is known of somebody who may be told to do less. */
export interface AboutMember {
  /** Others depend on it: it is not paused. */
  readonly isCore: boolean
  /** Of a host: its processes that read and write most. */
  readonly processes: readonly string[]
}

/** Of what drains: the rest empties the cache meanwhile. */
const givenAway = 0.8
/** Of what drains: who gets less cannot work at all. */
const leastShare = 0.1
const leastLimitSeconds = 60
const mostLimitSeconds = 3600
/** Longer is no wait that somebody would propose. */
const longestWaitSeconds = 3600
const mostLimited = 2
/** More of what it does now would be no limit. */
const mostOfNow = 0.75
/** Below it the requests are what costs. */
const smallBytes = 32 * 1024
const leastRequestsPerSecond = 10

/**
 * What helps the array now, the gentlest first. Limits share among the suspects what drains at least and others do not write, so that the cache
 * empties while they last (a leaky bucket: Turner, New directions in communications, IEEE Communications Magazine 1986).
 * @param suspects those who are surely or likely to blame
 */
export function remedies(
  condition: ArrayCondition,
  { suspects }: Pick<Culprits, 'suspects'>,
  aboutOf: (member: SuspectMember) => AboutMember,
): readonly Remedy[] {
  const { state } = condition
  if (state === 'idle' || state === 'unknown') return []
  // What nobody knows is not proposed as a figure.
  const isKnown = !isRough(condition.drain)
  // While it drains they have stopped, or do so little that it does not matter.
  const stopping = state === 'draining' ? [] : suspects
  const wait = isKnown ? untilDrained(condition, stopping) : undefined
  const from = stopping.length > 0 ? ('their-end' as const) : ('now' as const)
  const waits: readonly Remedy[] = wait === undefined ? [] : [{ action: 'wait', seconds: wait, from }]
  const members = suspects.slice(0, mostLimited).flatMap(({ members: [first] }) => first ?? [])
  const vms = members.filter(({ kind }) => kind === 'vm')
  const pauses = vms.filter((one) => !aboutOf(one).isCore).map((of): Remedy => ({ action: 'pause', of }))
  const stops = members
    .filter(({ kind }) => kind === 'host')
    .map((of): Remedy => ({ action: 'stop-on-host', of, processes: aboutOf(of).processes }))
  const moves = vms.map((of): Remedy => ({ action: 'move-disk', of }))
  switch (state) {
    case 'stalled':
      return [...stops, ...pauses, { action: 'look-at-box' }]
    case 'write-through':
      return [{ action: 'look-at-battery' }, { action: 'one-at-a-time' }]
    case 'draining':
      return waits
    default: {
      if (members.length === 0) return [{ action: 'one-at-a-time' }, ...waits]
      return [...(isKnown ? limits(condition, suspects) : []), ...stops, ...waits, ...pauses, ...moves]
    }
  }
}

/** An interval whose ends are farther apart than this, as a factor, is not known. */
const roughly = 5

export function isRough({ low, high }: Interval): boolean {
  return high > roughly * low
}

function limits(
  { drain, fill, inflowBytesPerSecond: inflow = 0 }: ArrayCondition,
  suspects: readonly Suspect[],
): Remedy[] {
  const limited = suspects.filter((one) => !isHost(one)).slice(0, mostLimited)
  // What a host does itself is to be stopped.
  const others = inflow * (1 - shareOf(suspects.filter((one) => limited.includes(one) || isHost(one))))
  const each = Math.max(leastShare * drain.low, givenAway * drain.low - others) / Math.max(1, limited.length)
  const slack = drain.low - others - each * limited.length
  // Until all that may be in it has drained.
  const drainingSeconds = fill === undefined || slack <= 0 ? mostLimitSeconds : fill.high / slack
  const forSeconds = Math.min(
    mostLimitSeconds,
    Math.max(leastLimitSeconds, Math.ceil(drainingSeconds / leastLimitSeconds) * leastLimitSeconds),
  )
  return limited.flatMap((suspect): Remedy[] => {
    const { isHerd, members } = suspect
    const own = isHerd ? members : members.slice(0, 1)
    return own
      .filter(({ kind }) => kind === 'vm')
      .slice(0, mostLimited)
      .map((of) => ({ action: 'limit', of, ...rateOf(suspect, each, own.length), forSeconds }))
  })
}

interface Rate {
  readonly writeBytesPerSecond: number | undefined
  readonly requestsPerSecond: number | undefined
}

/** What one of them may do of the bytes that all of them may write. */
function rateOf(suspect: Suspect, bytesPerSecond: number, count: number): Rate {
  const { writeBytesPerSecond, readBytesPerSecond, requestsPerSecond, usualRequestsPerSecond } = suspect
  const requests = (perSecond: number): Rate => ({
    writeBytesPerSecond: undefined,
    requestsPerSecond: Math.max(leastRequestsPerSecond, Math.round(perSecond / count)),
  })
  // Reads take time of the disks and no room: a quarter of them, if it is not usual to do more.
  if (readBytesPerSecond > writeBytesPerSecond) return requests(Math.max(usualRequestsPerSecond, requestsPerSecond / 4))
  const size = requestsPerSecond > 0 ? (writeBytesPerSecond + readBytesPerSecond) / requestsPerSecond : Infinity
  if (size < smallBytes) return requests(Math.min(bytesPerSecond / Math.max(1, size), mostOfNow * requestsPerSecond))
  return {
    writeBytesPerSecond: Math.min(bytesPerSecond, mostOfNow * writeBytesPerSecond) / count,
    requestsPerSecond: undefined,
  }
}

/** Undefined: it does not empty, or nobody knows what is in it. */
function untilDrained(
  { fill, drain, state, inflowBytesPerSecond: inflow }: ArrayCondition,
  suspects: readonly Suspect[],
): Interval | undefined {
  if (fill === undefined || inflow === undefined || state === 'stalled' || state === 'write-through') return undefined
  const others = inflow * (1 - shareOf(suspects))
  if (drain.low <= others) return undefined
  const seconds = {
    low: fill.low / (drain.high - others),
    likely: fill.likely / (drain.likely - others),
    high: fill.high / (drain.low - others),
  }
  return seconds.likely < 1 || seconds.likely > longestWaitSeconds ? undefined : seconds
}

function isHost({ members: [first] }: Suspect): boolean {
  return first?.kind === 'host'
}

function shareOf(suspects: readonly Suspect[]): number {
  return Math.min(
    1,
    suspects.reduce((share, { shareOfInflow }) => share + shareOfInflow, 0),
  )
}
