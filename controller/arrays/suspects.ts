import type { Culprits, Suspect, SuspectMember, Victim } from '../model/culprits.js'
import type { CulpritState } from './culprits.js'
import type { SuspectTrack } from './suspect-track.js'

const mostSuspects = 8
/** Of the blame of all: less is noise. */
const leastBlame = 0.05
/** Of the blame of all: with less nobody is likely to be to blame, beside others. */
const leastLikely = 0.2
/** Of those who began after others waited, so much counts. */
const lateShare = 0.3
const lateMs = 3000
/** How far apart the members of a herd may begin, and how many they are at least. */
const herdMs = 6000
const leastHerd = 4
/** Who does more of what a herd does is no member of a herd. */
const mostOfHerd = 0.4
/** Of what the greatest does: less is no member. */
const leastOfHerd = 0.07
/** Logarithm: twice as long. */
const waitsLonger = Math.log(2)

/**
 * Ranks those who do more than usual by what that costs the array (`costOf`, since before it got slow), times how well the waits of others follow what
 * they do. Who does much as always is not blamed for what is new.
 * @param traitsOf what somebody may share with others of a herd: `host xenhv04`, `group people`
 */
export function rank(state: CulpritState, traitsOf: TraitsOf): Culprits {
  const { tracks, incidentSince, endedAt } = state
  const blamed = tracks
    .filter(({ risenAt, excess }) => risenAt !== undefined && excess > 0)
    .map((track): Blamed => ({ track, blame: track.excess * weightOf(track, incidentSince), wait: coWait(track) }))
  const total = sum(blamed.map(({ blame }) => blame))
  const herd = herdOf(blamed)
  const groups = [
    ...(herd.length > 0 ? [herd] : []),
    ...blamed.filter((one) => !herd.includes(one)).map((one) => [one]),
  ]
  const totals: Totals = {
    blame: total,
    wait: sum(blamed.map(({ wait }) => wait)),
    writeBytes: sum(tracks.map((track) => Math.max(0, track.writeBytes))),
    requests: sum(tracks.map((track) => Math.max(0, track.requests))),
  }
  const suspects = groups
    .map((group) => suspectOf(group, totals, incidentSince, traitsOf))
    .filter(({ blame }) => blame >= leastBlame)
    .toSorted((a, b) => b.blame - a.blame)
    .slice(0, mostSuspects)
  const most = tracks.reduce<SuspectTrack | undefined>(
    (a, b) => (a === undefined || b.bytes > a.bytes ? b : a),
    undefined,
  )
  return {
    incidentSince,
    endedAt,
    suspects,
    victims: incidentSince === undefined ? [] : victimsOf(state, blamedIds(suspects)),
    mostBytes: most === undefined || most.bytes <= 0 ? undefined : memberOf(most),
  }
}

export type TraitsOf = (user: Pick<SuspectTrack, 'id' | 'kind' | 'hostId'>) => readonly string[]

/** Who makes others wait, surely or likely, waits for itself. */
function blamedIds([first, ...others]: readonly Suspect[]): ReadonlySet<string> {
  const blamed = [...(first === undefined ? [] : [first]), ...others.filter(({ confidence }) => confidence !== 'low')]
  return new Set(blamed.flatMap(({ members }) => members.map(({ id }) => id)))
}

interface Blamed {
  readonly track: SuspectTrack
  readonly blame: number
  readonly wait: number
}

interface Totals {
  readonly blame: number
  readonly wait: number
  readonly writeBytes: number
  readonly requests: number
}

function weightOf(track: SuspectTrack, incidentSince: number | undefined): number {
  const isLate = incidentSince !== undefined && (track.risenAt ?? 0) > incidentSince + lateMs
  return (0.3 + 0.7 * Math.max(0, correlation(track))) * (isLate ? lateShare : 1)
}

/** Of its cost with the others' wait; 0 where that does not change. */
function correlation({ moments: { cost, wait, costSquare, waitSquare, product } }: SuspectTrack): number {
  const variance = (costSquare - cost * cost) * (waitSquare - wait * wait)
  return variance > 0 ? (product - cost * wait) / Math.sqrt(variance) : 0
}

function coWait({ moments: { cost, wait, product } }: SuspectTrack): number {
  return Math.max(0, product - cost * wait)
}

/** Of those that began within a few seconds the ones with most blame together, if none of them has most of it; empty: none. */
function herdOf(blamed: readonly Blamed[]): readonly Blamed[] {
  const inOrder = blamed.toSorted((a, b) => (a.track.risenAt ?? 0) - (b.track.risenAt ?? 0))
  const strongest = Math.max(0, ...blamed.map(({ blame }) => blame))
  let best: readonly Blamed[] = []
  let bestBlame = 0
  for (const [index, { track }] of inOrder.entries()) {
    const until = (track.risenAt ?? 0) + herdMs
    const near: Blamed[] = []
    for (let at = index; at < inOrder.length; at += 1) {
      const one = inOrder[at]
      if (one === undefined || (one.track.risenAt ?? 0) > until) break
      near.push(one)
    }
    const greatest = Math.max(...near.map(({ blame }) => blame))
    const members = near.filter(({ blame }) => blame >= leastOfHerd * greatest)
    const together = sum(members.map(({ blame }) => blame))
    if (members.length < leastHerd || greatest > mostOfHerd * together || together <= bestBlame) continue
    best = members
    bestBlame = together
  }
  return bestBlame > strongest ? best : []
}

function suspectOf(
  group: readonly Blamed[],
  totals: Totals,
  incidentSince: number | undefined,
  traitsOf: TraitsOf,
): Suspect {
  const tracks = group.toSorted((a, b) => b.blame - a.blame).map(({ track }) => track)
  const since = Math.min(...tracks.map(({ risenAt }) => risenAt ?? Infinity))
  const blame = shareOf(sum(group.map((one) => one.blame)), totals.blame)
  const isTimed = totals.wait > 0
  const shareOfWait = isTimed ? shareOf(sum(group.map(({ wait }) => wait)), totals.wait) : undefined
  const isLate = incidentSince !== undefined && since > incidentSince + lateMs
  return {
    members: tracks.map(memberOf),
    isHerd: tracks.length > 1,
    inCommon: tracks.length > 1 ? commonOf(tracks.map(traitsOf)) : [],
    shareOfInflow: shareOf(sum(tracks.map(({ writeBytes }) => Math.max(0, writeBytes))), totals.writeBytes),
    shareOfRequests: shareOf(sum(tracks.map(({ requests }) => Math.max(0, requests))), totals.requests),
    shareOfWait,
    writeBytesPerSecond: sum(tracks.map(({ writeBytes }) => Math.max(0, writeBytes))),
    readBytesPerSecond: sum(tracks.map(({ bytes, writeBytes }) => Math.max(0, bytes - writeBytes))),
    requestsPerSecond: sum(tracks.map(({ requests }) => Math.max(0, requests))),
    usualRequestsPerSecond: sum(tracks.map(({ usualRequests }) => Math.max(0, usualRequests))),
    blame,
    since,
    confidence: blame < leastLikely || isLate ? 'low' : blame >= 0.7 && (shareOfWait ?? 1) >= 0.5 ? 'high' : 'medium',
  }
}

function commonOf([first = [], ...others]: readonly (readonly string[])[]): readonly string[] {
  return first.filter((trait) => others.every((traits) => traits.includes(trait)))
}

function victimsOf({ tracks, standsStill, at }: CulpritState, culprits: ReadonlySet<string>): Victim[] {
  return tracks
    .filter((track) => track.kind === 'vm' && !culprits.has(track.id) && waits(track, standsStill, at))
    .toSorted((a, b) => b.wait - a.wait)
    .map((track) => ({
      ...memberOf(track),
      times: standsStill || track.waitAt === undefined ? undefined : Math.exp(track.wait),
    }))
}

/** Where nobody times requests, an incident is that the cache is full or that nothing ends: all who use it wait. */
function waits(track: SuspectTrack, standsStill: boolean, at: number): boolean {
  if (standsStill || track.waitAt === undefined) return Math.max(track.usualRequests, track.requests) >= 0.1
  return at - track.waitAt <= 10_000 && track.wait >= waitsLonger
}

function memberOf({ id, kind, name }: SuspectTrack): SuspectMember {
  return { id, kind, name }
}

function shareOf(value: number, total: number): number {
  return total > 0 ? value / total : 0
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
