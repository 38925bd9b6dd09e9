import { GiB } from '../../../common/units.js'
import type { MoveKind } from '../problem.js'
import type { PastMove } from './past-moves.js'

/** A time that is foretold, from and to, milliseconds. */
export interface TimeSpan {
  readonly leastMs: number
  readonly mostMs: number
}

/** What a move takes. */
export interface MoveTimes {
  readonly duration: TimeSpan
  /** How long the guest does not run. */
  readonly downtime: TimeSpan
  /** `measured`: by earlier moves of this fleet, or as the policy says of the array. */
  readonly basis: 'assumed' | 'measured'
}

/** What a plain copy of a disk does where nothing is known: as measured on the disks of a small cloud, 20–25 MB/s. */
const copyRate = { least: 20e6, most: 25e6 }
/** Memory over a network of 1 Gbit/s. */
const sendRate = { least: 50e6, most: 110e6 }
/** As measured with QEMU: 60–280 ms; a busy guest takes longer. */
const liveDowntime: TimeSpan = { leastMs: 60, mostMs: 1000 }
const restart: TimeSpan = { leastMs: 60_000, mostMs: 300_000 }
/** What a migration takes besides sending: looking on both sides, and the last steps. */
const stepsMs = 3000

const mostMeasured = 20

/** How fast memory of VMs was sent, bytes a second, by the last 20 moves that tell it; undefined: fewer than three do. */
export function measuredSendRate(
  past: readonly PastMove[],
): { readonly least: number; readonly most: number } | undefined {
  const rates = past
    .toSorted((a, b) => b.endedAt - a.endedAt)
    .flatMap(({ begunAt, endedAt, sentBytes = 0 }) =>
      sentBytes > 0 && endedAt > begunAt ? [(sentBytes * 1000) / (endedAt - begunAt)] : [],
    )
    .slice(0, mostMeasured)
    .sort((a, b) => a - b)
  const [least] = rates
  const most = rates.at(-1)
  return rates.length < 3 || least === undefined || most === undefined ? undefined : { least, most }
}

export interface Sizes {
  readonly memoryBytes: number
  /** Of its own disks, those of unknown size left out. */
  readonly diskBytes: number
  /** What one copy to or from its disks writes, by policy; undefined: not said. */
  readonly copyBytesPerSecond: number | undefined
}

export function moveTimes(
  kind: MoveKind,
  { memoryBytes, diskBytes, copyBytesPerSecond }: Sizes,
  send: { readonly least: number; readonly most: number } | undefined,
): MoveTimes {
  const copy = copyBytesPerSecond === undefined ? copyRate : { least: copyBytesPerSecond, most: copyBytesPerSecond }
  const copying = spanOf(diskBytes, copy)
  switch (kind) {
    case 'live':
      return {
        duration: send === undefined ? longer(spanOf(memoryBytes, sendRate), stepsMs) : spanOf(memoryBytes, send),
        downtime: liveDowntime,
        basis: send === undefined ? 'assumed' : 'measured',
      }
    case 'live-storage-copy':
      return {
        duration: copying,
        downtime: liveDowntime,
        basis: copyBytesPerSecond === undefined ? 'assumed' : 'measured',
      }
    case 'cold-copy': {
      const all = { leastMs: copying.leastMs + restart.leastMs, mostMs: copying.mostMs + restart.mostMs }
      return { duration: all, downtime: all, basis: copyBytesPerSecond === undefined ? 'assumed' : 'measured' }
    }
    case 'disk-swap':
      return { duration: swap, downtime: swap, basis: 'assumed' }
    case 'cold-restart':
      return { duration: restart, downtime: restart, basis: 'assumed' }
  }
}

/** Both machines off, a disk pulled out of one and put into the other, the definition carried over. */
const swap: TimeSpan = { leastMs: 1_800_000, mostMs: 7_200_000 }

/** What a move costs in score: what it puts at risk and who has to wait. A plan has to gain more. */
export function moveCost(kind: MoveKind, sizes: Sizes): number {
  switch (kind) {
    case 'live':
      return 0.004 + 0.0005 * (sizes.memoryBytes / GiB)
    case 'live-storage-copy':
      return 0.02 + 0.01 * hoursToCopy(sizes)
    case 'cold-restart':
      return 0.03
    case 'cold-copy':
      return 0.05 + 0.02 * hoursToCopy(sizes)
    case 'disk-swap':
      return 0.3
  }
}

function hoursToCopy({ diskBytes, copyBytesPerSecond = copyRate.least }: Sizes): number {
  return diskBytes / copyBytesPerSecond / 3600
}

function spanOf(bytes: number, rate: { readonly least: number; readonly most: number }): TimeSpan {
  return { leastMs: (bytes * 1000) / rate.most, mostMs: (bytes * 1000) / rate.least }
}

function longer({ leastMs, mostMs }: TimeSpan, byMs: number): TimeSpan {
  return { leastMs: leastMs + byMs, mostMs: mostMs + byMs }
}
