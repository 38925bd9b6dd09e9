import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'

/** How the wall clock stands against the time since the machine's boot. Readings of one boot differ only if the clock was set. */
export interface ClockReading {
  /** Of the boot; 0 where the kernel gives no id of it: then the reading says nothing. */
  readonly boot: number
  /** Wall clock less time since boot, milliseconds, to about 10. */
  readonly baseMs: number
}

export const noReading: ClockReading = { boot: 0, baseMs: 0 }

/**
 * When a file was written, by the clock as it stands now; milliseconds since the epoch. Files carry the time of the clock as it stood
 * then: of this boot it is known by how much that was set since. Of another boot nobody knows it; what was written then cannot
 * be younger than this boot. (If that clock was wrong, its reports would go to a wrong time as well.)
 */
export function writtenAt(fileMs: number, then: ClockReading, present: ClockReading): number {
  if (present.boot === 0 || then.boot === 0) return fileMs
  return then.boot === present.boot ? fileMs + present.baseMs - then.baseMs : Math.min(fileMs, present.baseMs)
}

/** Reads the clock of the machine that this process runs on. Time asleep counts as time since boot. */
export function machineClock(now: () => number): () => ClockReading {
  const boot = bootNumber()
  return () => (boot === 0 ? noReading : { boot, baseMs: Math.round(now() - uptime() * 1000) })
}

/** Its first 32 bits, of 128 random ones. */
function bootNumber(): number {
  try {
    return Number.parseInt(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8), 16) || 0
  } catch {
    return 0
  }
}
