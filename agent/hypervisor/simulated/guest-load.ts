import { booting, profiles, type Profile, type ProfileName, type Rates } from './load-profiles.js'
import type { SeededRandom } from '../../../common/seeded-random.js'

/** What one guest wants, and how its habits stand. Mutable: it is worked over at every step. */
export interface GuestLoad {
  profile: ProfileName
  /** Slowly changing, mean 0, deviation about 1. */
  noise: number
  bursting: boolean
  phaseEndsMs: number
  bootingUntilMs: number
  /** Hour of the day at which a nightly job begins. */
  readonly nightHour: number
}

/** What a guest wants at the moment; CPU and memory as shares, the rest in bytes per second. */
export type Demand = { -readonly [name in keyof Rates]: number }

/** Time as the fleet's users feel it. */
export interface DayTime {
  readonly nowMs: number
  /** 0 to 24. */
  readonly hour: number
  readonly weekend: boolean
}

export function createGuestLoad(profile: ProfileName, random: SeededRandom, nowMs: number): GuestLoad {
  const load: GuestLoad = {
    profile,
    noise: 0,
    bursting: false,
    phaseEndsMs: nowMs,
    bootingUntilMs: nowMs,
    nightHour: random.between(1, 3),
  }
  changeProfile(load, profile, random, nowMs)
  return load
}

export function changeProfile(load: GuestLoad, profile: ProfileName, random: SeededRandom, nowMs: number): void {
  const { bursts }: Profile = profiles[profile]
  load.profile = profile
  load.bursting = false
  load.phaseEndsMs = bursts === undefined ? Infinity : nowMs + random.around(bursts.everyMs)
}

export function beginBoot(load: GuestLoad, nowMs: number): void {
  load.bootingUntilMs = nowMs + booting.lastMs
}

export function dayTime(nowMs: number, utcOffsetHours: number): DayTime {
  const localMs = nowMs + utcOffsetHours * hourMs
  // 1 January 1970 was a Thursday: day 4 of a week that begins on Sunday.
  const weekday = (Math.floor(localMs / dayMs) + 4) % 7
  return { nowMs, hour: (localMs % dayMs) / hourMs, weekend: weekday === 0 || weekday === 6 }
}

/**
 * How strongly noise is kept from one step to the next (AR(1) with a correlation time of 30 s).
 * Depends on the step only, so callers work it out once.
 */
export function noiseMemory(stepMs: number): number {
  return Math.exp(-stepMs / 30_000)
}

/** Works out what the guest wants now, as rates, into `want`. Uses one number of `random`, one more when a burst begins or ends. */
export function updateDemand(load: GuestLoad, random: SeededRandom, time: DayTime, memory: number, want: Demand): void {
  const profile: Profile = profiles[load.profile]
  // A uniform number times √12 has deviation 1.
  load.noise = load.noise * memory + Math.sqrt(1 - memory * memory) * (random.next() - 0.5) * 3.4641
  if (profile.bursts !== undefined && time.nowMs >= load.phaseEndsMs) {
    load.bursting = !load.bursting
    const { lastMs, everyMs } = profile.bursts
    load.phaseEndsMs = time.nowMs + random.around(load.bursting ? lastMs : everyMs)
  }
  const extra = load.bursting ? (profile.bursts?.level ?? 0) : 0
  const level = Math.min(1, rhythmLevel(profile.rhythm, time, load.nightHour) + extra)
  const jitter = Math.max(0.2, 1 + 0.25 * load.noise)
  const boot = time.nowMs < load.bootingUntilMs ? 1 : 0
  const { quiet, busy } = profile
  want.cpu = Math.min(1, mix(quiet.cpu, busy.cpu, level) * jitter + boot * booting.rates.cpu)
  // Memory does not tremble: what was touched stays touched for a while.
  want.memory = mix(quiet.memory, busy.memory, level)
  want.read = mix(quiet.read, busy.read, level) * jitter + boot * booting.rates.read
  want.write = mix(quiet.write, busy.write, level) * jitter + boot * booting.rates.write
  want.receive = mix(quiet.receive, busy.receive, level) * jitter + boot * booting.rates.receive
  want.transmit = mix(quiet.transmit, busy.transmit, level) * jitter + boot * booting.rates.transmit
}

function mix(quiet: number, busy: number, level: number): number {
  return quiet + (busy - quiet) * level
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const nightHours = 2.5

/** 0 quiet to 1 busy. */
function rhythmLevel(rhythm: Profile['rhythm'], { hour, weekend }: DayTime, nightHour: number): number {
  switch (rhythm) {
    case 'always':
      return 1
    case 'never':
      return 0
    case 'office':
      return (hour > 8 && hour < 20 ? 0.15 + 0.55 * Math.sin(((hour - 8) / 12) * Math.PI) : 0.1) * (weekend ? 0.3 : 1)
    case 'web':
      return (0.35 - 0.3 * Math.cos(((hour - 3) / 24) * 2 * Math.PI)) * (weekend ? 0.6 : 1)
    case 'night':
      return hour >= nightHour && hour < nightHour + nightHours ? 1 : 0
  }
}
