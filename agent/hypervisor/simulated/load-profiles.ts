/** What the guests of the simulated fleet do: the table of their habits. Figures are of small servers of about 2011. */

import type { ProfileName } from '../../../common/fleet-file/fleet-spec.js'

export { profileNames, type ProfileName } from '../../../common/fleet-file/fleet-spec.js'

/** Rates of a VM at one level of activity. */
export interface Rates {
  /** Share of its vCPUs. */
  readonly cpu: number
  /** Share of its memory in use. */
  readonly memory: number
  /** Bytes per second. */
  readonly read: number
  readonly write: number
  readonly receive: number
  readonly transmit: number
}

export interface Profile {
  /** When it is busy: always, never of itself, in working hours, as people browse, or at night. */
  readonly rhythm: 'always' | 'never' | 'office' | 'web' | 'night'
  readonly quiet: Rates
  readonly busy: Rates
  /** Spells of extra activity: mean time between them, mean length, how much of `busy` they add. */
  readonly bursts?: { readonly everyMs: number; readonly lastMs: number; readonly level: number }
  /** Bytes of one request. */
  readonly readSize: number
  readonly writeSize: number
  /** Requests that it keeps in flight at most. */
  readonly depth: number
  /** Share of writes that a flush follows. */
  readonly flushes: number
}

const KB = 1e3
const MB = 1e6
const KiB = 1024
const minute = 60_000
const hour = 60 * minute

export const profiles = {
  idle: {
    rhythm: 'never',
    quiet: { cpu: 0.01, memory: 0.3, read: 0.2 * KB, write: 3 * KB, receive: 0.4 * KB, transmit: 0.3 * KB },
    busy: { cpu: 0.3, memory: 0.4, read: 800 * KB, write: 250 * KB, receive: 20 * KB, transmit: 20 * KB },
    bursts: { everyMs: 45 * minute, lastMs: 40_000, level: 1 },
    readSize: 16 * KiB,
    writeSize: 4 * KiB,
    depth: 2,
    flushes: 0.05,
  },
  mail: {
    rhythm: 'office',
    quiet: { cpu: 0.03, memory: 0.55, read: 20 * KB, write: 60 * KB, receive: 8 * KB, transmit: 6 * KB },
    busy: { cpu: 0.35, memory: 0.8, read: 500 * KB, write: 900 * KB, receive: 250 * KB, transmit: 400 * KB },
    bursts: { everyMs: 12 * minute, lastMs: 25_000, level: 0.8 },
    readSize: 16 * KiB,
    writeSize: 8 * KiB,
    depth: 4,
    flushes: 0.3,
  },
  web: {
    rhythm: 'web',
    quiet: { cpu: 0.02, memory: 0.5, read: 8 * KB, write: 15 * KB, receive: 3 * KB, transmit: 10 * KB },
    busy: { cpu: 0.4, memory: 0.7, read: 600 * KB, write: 120 * KB, receive: 150 * KB, transmit: 2 * MB },
    bursts: { everyMs: 20 * minute, lastMs: 60_000, level: 0.4 },
    readSize: 16 * KiB,
    writeSize: 4 * KiB,
    depth: 4,
    flushes: 0.1,
  },
  batch: {
    rhythm: 'never',
    quiet: { cpu: 0.02, memory: 0.35, read: 1 * KB, write: 4 * KB, receive: 1 * KB, transmit: 1 * KB },
    busy: { cpu: 0.95, memory: 0.85, read: 1.5 * MB, write: 2 * MB, receive: 60 * KB, transmit: 40 * KB },
    bursts: { everyMs: 3 * hour, lastMs: 15 * minute, level: 1 },
    readSize: 64 * KiB,
    writeSize: 64 * KiB,
    depth: 4,
    flushes: 0.01,
  },
  backup: {
    rhythm: 'night',
    quiet: { cpu: 0.01, memory: 0.35, read: 0.5 * KB, write: 5 * KB, receive: 1 * KB, transmit: 1 * KB },
    busy: { cpu: 0.45, memory: 0.75, read: 600 * KB, write: 11 * MB, receive: 12 * MB, transmit: 250 * KB },
    readSize: 64 * KiB,
    writeSize: 64 * KiB,
    depth: 8,
    flushes: 0.002,
  },
  fsck: {
    rhythm: 'always',
    quiet: { cpu: 0.1, memory: 0.4, read: 0, write: 0, receive: 0, transmit: 0 },
    busy: { cpu: 0.35, memory: 0.7, read: 20 * MB, write: 2.5 * MB, receive: 0.3 * KB, transmit: 0.3 * KB },
    readSize: 16 * KiB,
    writeSize: 16 * KiB,
    depth: 8,
    flushes: 0.01,
  },
  runaway: {
    rhythm: 'always',
    quiet: { cpu: 0.5, memory: 0.5, read: 0, write: 0, receive: 0, transmit: 0 },
    busy: { cpu: 1, memory: 0.97, read: 2 * MB, write: 80 * MB, receive: 30 * KB, transmit: 30 * KB },
    readSize: 64 * KiB,
    writeSize: 64 * KiB,
    depth: 8,
    flushes: 0.001,
  },
} as const satisfies Record<ProfileName, Profile>

/** Added to any profile while a guest boots. */
export const booting = {
  lastMs: 25_000,
  rates: { cpu: 0.7, memory: 0.3, read: 4 * MB, write: 300 * KB, receive: 5 * KB, transmit: 3 * KB },
} as const satisfies { lastMs: number; rates: Rates }
