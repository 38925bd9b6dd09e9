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
  const blamed: Blamed[] = []
  const totals = { blame: 0, wait: 0, writeBytes: 0, requests: 0 }
  let most: SuspectTrack | undefined
  for (const track of tracks) {
    totals.writeBytes += Math.max(0, track.writeBytes)
    totals.requests += Math.max(0, track.requests)
    if (most === undefined || track.bytes > most.bytes) most = track
    const hasRisen = track.risenAt !== undefined && track.excess > 0
    if (!hasRisen) continue
    const one = { track, blame: track.excess * weightOf(track, incidentSince), wait: coWait(track) }
    totals.blame += one.blame
    totals.wait += one.wait
    blamed.push(one)
  }
  const suspects = groupsOf(blamed)
    .filter((group) => shareOf(blameOf(group), totals.blame) >= leastBlame)
    .map((group) => suspectOf(group, totals, incidentSince, traitsOf))
    .toSorted((a, b) => b.blame - a.blame)
    .slice(0, mostSuspects)
  return {
    incidentSince,
    endedAt,
    suspects,
    victims: incidentSince === undefined ? [] : victimsOf(state, blamedIds(suspects)),
    mostBytes: most === undefined || most.bytes <= 0 ? undefined : memberOf(most),
  }
}

/** The herd, if there is one, and each of the others. */
function groupsOf(blamed: readonly Blamed[]): (readonly Blamed[])[] {
  const herd = herdOf(blamed)
  if (herd.length === 0) return blamed.map((one) => [one])
  const members = new Set(herd)
  return [herd, ...blamed.filter((one) => !members.has(one)).map((one) => [one])]
}

function blameOf(group: readonly Blamed[]): number {
  let total = 0
  for (const { blame } of group) total += blame
  return total
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
  if (blamed.length < leastHerd) return []
  const inOrder = blamed.toSorted((a, b) => beganAt(a) - beganAt(b))
  let best: readonly Blamed[] = []
  let bestBlame = 0
  for (const [index, first] of inOrder.entries()) {
    const until = beganAt(first) + herdMs
    let end = index
    let greatest = -Infinity
    for (let one = inOrder[end]; one !== undefined && beganAt(one) <= until; one = inOrder[end]) {
      greatest = Math.max(greatest, one.blame)
      end += 1
    }
    if (end - index < leastHerd) continue
    const least = leastOfHerd * greatest
    const members = inOrder.slice(index, end).filter(({ blame }) => blame >= least)
    const together = blameOf(members)
    if (members.length < leastHerd || greatest > mostOfHerd * together || together <= bestBlame) continue
    best = members
    bestBlame = together
  }
  return blamed.every(({ blame }) => bestBlame > blame) ? best : []
}

function beganAt({ track: { risenAt } }: Blamed): number {
  return risenAt ?? 0
}

function suspectOf(
  group: readonly Blamed[],
  totals: Totals,
  incidentSince: number | undefined,
  traitsOf: TraitsOf,
): Suspect {
  const tracks = group.toSorted((a, b) => b.blame - a.blame).map(({ track }) => track)
  const since = Math.min(...tracks.map(({ risenAt }) => risenAt ?? Infinity))
  const blame = shareOf(blameOf(group), totals.blame)
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
