import type { ArrayCacheState } from '../model/array-condition.js'
import type { Contribution } from './contributions.js'
import type { IoRates } from './io-cost.js'
import {
  advance,
  newTrack,
  nothingDone,
  ofHostItself,
  toldSince,
  type Pace,
  type SuspectTrack,
  type Told,
} from './suspect-track.js'

/** What is known of one box at one moment: its state, and all who use it. */
export interface CulpritTick {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly state: ArrayCacheState
  readonly contributions: readonly Contribution[]
}

/** What is kept from tick to tick: plain data of bounded size. */
export interface CulpritState {
  readonly startedAt: number
  readonly at: number
  /** Since when others wait more than usual, or the array is full or stands still; undefined: it is well. */
  readonly incidentSince: number | undefined
  /** When the last one ended. */
  readonly endedAt?: number | undefined
  /** 0 to 1: how surely it is not well. */
  readonly alarm: number
  /** Nothing ends. */
  readonly standsStill: boolean
  readonly tracks: readonly SuspectTrack[]
}

/** More users of one box than this are not followed: those who did least are forgotten. */
const mostTracks = 512
/** Who is told of no more is remembered for as long as it may matter. */
const rememberMs = 300_000
/** Whoever is there when the watch begins was there before. */
const introductionMs = 10_000
const introductionSeconds = 3

/** The usual is learnt sooner while all is well, and hardly while it is not. */
const idleSeconds = 40
const idleWeight = 0.3
const calmSeconds = 120
const incidentSeconds = 1800
const waitHoldsMs = 10_000
/** Mean rise of the waits (logarithm) from which on something is wrong. */
const painfulRise = 0.5

export function newCulprits(at: number): CulpritState {
  return { startedAt: at, at, incidentSince: undefined, alarm: 0, standsStill: false, tracks: [] }
}

/**
 * Follows who does more than usual on one box, while others wait more than usual. A tick in which nothing ends changes nothing: those who
 * filled the array stay suspects for as long as it stands still.
 */
export function step(state: CulpritState, { at, state: cacheState, contributions }: CulpritTick): CulpritState {
  const known = aligned(state, contributions)
  const told = contributions.map((now, index) => {
    const track = known.tracks[index]
    return track === undefined ? undefined : toldSince(track, now)
  })
  const standsStill = cacheState === 'stalled' || nothingEnds(known.tracks, told)
  const pace = paceOf(state, cacheState, at)
  const painBefore = painOf(state.tracks, at)
  const byHost = standsStill ? undefined : doneByVms(contributions, told)
  const tracks = contributions.map((now, index) => {
    const track = known.tracks[index] ?? newTrack(now)
    const one = told[index]
    if (standsStill) return { ...track, at: now.at, of: now.of, totals: now.totals }
    const ofVms = now.kind === 'host' ? plus(track.ofVms, byHost?.get(now.id)) : nothingDone
    if (one === undefined) {
      return now.at > track.at
        ? { ...track, at: now.at, of: now.of, totals: now.totals, ofVms: nothingDone }
        : ofVms === track.ofVms
          ? track
          : { ...track, ofVms }
    }
    const did = now.kind === 'host' ? ofHostItself(one, ofVms) : one
    return advance(track, now, one, did, ofVms, othersWaitOf(track, painBefore, at), pace)
  })
  const pain = painOf(tracks, at)
  const seconds = Math.max(0, (at - state.at) / 1000)
  const alarm = alarmAfter(state.alarm, isWrong(cacheState, standsStill, pain), seconds)
  const incidentSince = alarm > 0.5 ? (state.incidentSince ?? at) : alarm < 0.15 ? undefined : state.incidentSince
  return {
    startedAt: state.startedAt,
    at,
    alarm,
    incidentSince,
    endedAt: incidentSince === undefined && state.incidentSince !== undefined ? at : state.endedAt,
    standsStill,
    tracks: bounded([...tracks, ...known.gone.filter((track) => at - track.at < rememberMs)]),
  }
}

/** Tracks in the order of what is told; usually they are already. */
function aligned(
  { tracks }: CulpritState,
  contributions: readonly Contribution[],
): { readonly tracks: readonly (SuspectTrack | undefined)[]; readonly gone: readonly SuspectTrack[] } {
  if (contributions.every(({ id }, index) => tracks[index]?.id === id)) {
    return { tracks, gone: tracks.slice(contributions.length) }
  }
  const byId = new Map(tracks.map((track) => [track.id, track]))
  const found = contributions.map(({ id }) => byId.get(id))
  for (const { id } of contributions) byId.delete(id)
  return { tracks: found, gone: [...byId.values()] }
}

/** What is done while the cache is idle drains at once, and so is harmless: it becomes usual soon, and counts little. */
function paceOf({ startedAt, incidentSince, alarm }: CulpritState, cacheState: ArrayCacheState, at: number): Pace {
  if (at - startedAt < introductionMs) return { at, usualSeconds: introductionSeconds, weight: 0 }
  const isCalm = incidentSince === undefined && alarm < 0.2
  if (isCalm && cacheState === 'idle') return { at, usualSeconds: idleSeconds, weight: idleWeight }
  const isFilling = cacheState === 'filling' || cacheState === 'near-full' || cacheState === 'saturated'
  return { at, usualSeconds: isCalm && !isFilling ? calmSeconds : incidentSeconds, weight: 1 }
}

/** Much is usually done, and of all who told now nobody did anything. */
function nothingEnds(tracks: readonly (SuspectTrack | undefined)[], told: readonly (Told | undefined)[]): boolean {
  let expected = 0
  for (let index = 0; index < told.length; index += 1) {
    const one = told[index]
    if (one === undefined) continue
    if (one.readRequests + one.writeRequests > 0) return false
    const track = tracks[index]
    if (track?.kind === 'vm') expected += Math.max(track.requests, track.usualRequests) * one.seconds
  }
  return expected > 5
}

function doneByVms(
  contributions: readonly Contribution[],
  told: readonly (Told | undefined)[],
): ReadonlyMap<string, IoRates> {
  const sums = new Map<string, { -readonly [Name in keyof IoRates]: IoRates[Name] }>()
  for (let index = 0; index < contributions.length; index += 1) {
    const now = contributions[index]
    const one = told[index]
    if (now?.kind !== 'vm' || one === undefined) continue
    const { readBytes, writeBytes, readRequests, writeRequests } = one
    const sum = sums.get(now.hostId)
    if (sum === undefined) {
      sums.set(now.hostId, { readBytes, writeBytes, readRequests, writeRequests })
      continue
    }
    sum.readBytes += readBytes
    sum.writeBytes += writeBytes
    sum.readRequests += readRequests
    sum.writeRequests += writeRequests
  }
  return sums
}

function plus(a: IoRates, b: IoRates | undefined): IoRates {
  if (b === undefined) return a
  return {
    readBytes: a.readBytes + b.readBytes,
    writeBytes: a.writeBytes + b.writeBytes,
    readRequests: a.readRequests + b.readRequests,
    writeRequests: a.writeRequests + b.writeRequests,
  }
}

interface Pain {
  readonly sum: number
  readonly users: number
}

function painOf(tracks: readonly SuspectTrack[], at: number): Pain {
  let sum = 0
  let users = 0
  for (const track of tracks) {
    if (!isTimed(track, at)) continue
    sum += Math.min(3, track.wait)
    users += 1
  }
  return { sum, users }
}

function isTimed({ kind, waitAt }: SuspectTrack, at: number): boolean {
  return kind === 'vm' && waitAt !== undefined && at - waitAt <= waitHoldsMs
}

function isWrong(state: ArrayCacheState, standsStill: boolean, { sum, users }: Pain): boolean {
  return standsStill || state === 'saturated' || (users > 1 && sum / users >= painfulRise)
}

/** Up in about 2 s, down in about 10: a look that errs is no incident, and none ends it. */
function alarmAfter(before: number, wrong: boolean, seconds: number): number {
  const target = wrong ? 1 : 0
  return before - (target - before) * Math.expm1(-seconds / (wrong ? 2 : 10))
}

function othersWaitOf(track: SuspectTrack, { sum, users }: Pain, at: number): number {
  const own = isTimed(track, at)
  const others = users - (own ? 1 : 0)
  return others > 0 ? (sum - (own ? Math.min(3, track.wait) : 0)) / others : 0
}

function bounded(tracks: readonly SuspectTrack[]): readonly SuspectTrack[] {
  if (tracks.length <= mostTracks) return tracks
  return tracks.toSorted((a, b) => b.excess + b.usualCost - a.excess - a.usualCost).slice(0, mostTracks)
}
