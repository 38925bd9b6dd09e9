import type { Hold } from '../model/alert.js'

/** Arithmetic of times that have to last. `clockMs` is the alerts' own clock. */

export function startHold(clockMs: number): Hold {
  return { sinceClockMs: clockMs }
}

/** How long it has lasted, without its pauses. */
export function heldMs({ sinceClockMs, pausedClockMs }: Hold, clockMs: number): number {
  return (pausedClockMs ?? clockMs) - sinceClockMs
}

export function pausedMs({ pausedClockMs }: Hold, clockMs: number): number {
  return pausedClockMs === undefined ? 0 : clockMs - pausedClockMs
}

export function pauseHold(hold: Hold, clockMs: number): Hold {
  return hold.pausedClockMs === undefined ? { ...hold, pausedClockMs: clockMs } : hold
}

/** Goes on where it stood. */
export function resumeHold(hold: Hold, clockMs: number): Hold {
  if (hold.pausedClockMs === undefined) return hold
  return { sinceClockMs: hold.sinceClockMs + clockMs - hold.pausedClockMs }
}
